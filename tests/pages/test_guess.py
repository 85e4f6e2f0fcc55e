"""Guesses of undeclared encodings, on texts as old pages have them."""

import pytest

from datafetch.pages.encodings import decode
from datafetch.pages.guess import guess

JAPANESE = "世界の料理レシピと食卓の話題をお届けします。カレンダーもご覧ください。"
CHINESE = "本站提供最新的软件下载和技术文章，欢迎大家访问并留言讨论。"
TAIWANESE = "本網站提供各種軟體下載與技術文章，歡迎大家留言討論。"
KOREAN = "저희 홈페이지에 오신 것을 환영합니다. 다양한 정보와 자료를 제공합니다."
RUSSIAN = "Мы рады приветствовать вас на нашем сайте. Здесь много полезной информации."
GREEK = "Καλώς ήρθατε στην ιστοσελίδα μας. Εδώ θα βρείτε χρήσιμες πληροφορίες."
ARABIC = "مرحبا بكم في موقعنا. ستجدون هنا الكثير من المعلومات المفيدة."
HEBREW = "ברוכים הבאים לאתר שלנו. כאן תמצאו מידע שימושי רב לכל המשפחה."
THAI = "ยินดีต้อนรับสู่เว็บไซต์ของเรา ที่นี่คุณจะพบข้อมูลที่เป็นประโยชน์มากมาย"


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (HEBREW, "cp1255"),
        (THAI, "cp874"),
        (RUSSIAN, "iso8859_5"),
        (RUSSIAN, "cp866"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "iso2022_jp"),
        (CHINESE, "gbk"),
        (TAIWANESE, "big5"),
        (KOREAN, "cp949"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        ("Новости дня: последние события в мире", "koi8_r"),
        ("Новини України: останні події", "koi8_u"),
        (GREEK, "cp1253"),
        (ARABIC, "cp1256"),
    ],
)
def test_a_text_in_another_script_says_its_encoding(text, codec):
    """A page in another script than Latin is read without any hint."""
    body = text.encode(codec)
    assert decode(body, guess(body) or "windows-1252") == text


@pytest.mark.parametrize(
    ("language", "text", "codec"),
    [
        ("ja", "天気", "cp932"),
        ("ja-JP", "天気予報", "euc_jp"),
        ("zh", "新闻网最新国际国内消息", "gbk"),
        ("zh-TW", "新聞", "big5"),
        ("zh-Hant", "新聞", "big5"),
        ("ko", "뉴스", "cp949"),
        ("ru", "Привет, мир", "koi8_r"),
        ("ru-RU", "Привет, мир", "cp1251"),
        ("uk", "Новини України: останні події", "koi8_u"),
        ("bg", "Новини", "cp1251"),
        ("el", "Ειδήσεις", "cp1253"),
        ("tr", "Şimdi başlayın", "cp1254"),
        ("he", "חדשות היום", "cp1255"),
        ("ar", "أخبار", "cp1256"),
        ("lt", "Šiandienos žinios", "cp1257"),
        ("th", "ข่าววันนี้", "cp874"),
        ("pl", "Najświeższe wiadomości", "cp1250"),
        ("pl", "Najświeższe wiadomości", "iso8859_2"),
        ("pl-PL", "użytecznych informacji, naukę języka ą", "cp1250"),
        ("cs", "Vítejte na našich stránkách", "cp1250"),
        ("cs", "Vítejte na našich stránkách", "iso8859_2"),
        ("hu", "Őrizze meg fűnyíróját", "cp1250"),
    ],
)
def test_the_language_decides(language, text, codec):
    """A few letters are enough where the page names its language: each has few encodings."""
    body = f"<html lang={language}><title>".encode() + text.encode(codec)
    assert decode(body, guess(body) or "").endswith(text)


@pytest.mark.parametrize(
    "text",
    [
        "Grüße aus Köln",
        "Découvrez notre sélection",
        "¿Qué más? Mañana",
        "It’s “here”",
        "© 2019 Example",
        "50 £ off",
    ],
)
@pytest.mark.parametrize("language", ["en", "de", "xx", ""])
def test_a_few_western_letters_say_nothing(text, language):
    """Umlauts, accents and quotes were taken for Japanese: of these nothing is guessed."""
    body = f"<html lang='{language}'>".encode() + text.encode("cp1252")
    assert guess(body) is None


def test_plain_text():
    """A page of ASCII alone has no encoding to guess."""
    assert guess(b"plain") is None
    assert guess(b"") is None


@pytest.mark.parametrize("codec", ["cp932", "euc_jp"])
def test_long_words_and_damage(codec):
    """A long text without a blank is cut for the guess, and a byte that was lost does no harm."""
    text = "それは長い文章です" * 900
    for body in (text.encode(codec), text.encode(codec)[:-1], b"x" + text.encode(codec)):
        assert decode(body, guess(body) or "")[100:4000] in text + text
    damaged = b"<html lang=ja>" + b"\xff \xa0 " + text.encode(codec)
    assert decode(damaged, guess(damaged) or "").endswith(text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit", [b"\x82\xa0", b"\xe9 ", b"\xff", b"\xa4\xa4A", b"\x81@", b"<html lang=ja \xe9"]
)
def test_hostile_bytes_cost_linear_time(unit):
    """Of half a megabyte a few thousand bytes are looked at."""
    guess(unit * (512 * 1024 // len(unit)))
