"""Whether an answer may replace what is stored: walls that did, pages that are none, and 30 days."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.opengraph.model import Description
from datafetch.opengraph.rules.belief import Known, Verdict, judge, judge_picture
from datafetch.opengraph.rules.tags import describe
from datafetch.pages.head import PageHead

NOW = 1_795_507_200_000
DAY = 86_400_000


@dataclass(frozen=True)
class Shape:
    """A bookmark, what was stored of its page, and what the site shows now.

    `og` gives the answer tags for previews, `text` a description; `before` is the stored title.
    """

    asked: str
    before: str | None
    title: str
    final: str = ""
    og: bool = False
    text: str = ""
    said_before: str = "How the thing was made, told by those who made it."
    site: str | None = None
    final_before: str = ""

    def head(self) -> PageHead:
        """The head of the answer."""
        metas = []
        if self.og:
            metas += [("og:title", self.title), ("og:image", "https://cdn.example.net/card.png")]
        if self.text:
            metas.append(("description", self.text))
        return PageHead(self.final or self.asked, title=self.title, metas=tuple(metas))

    def known(self, bare_since: int | None = None) -> Known:
        """What is known before the answer comes."""
        stored = None
        if self.before is not None:
            stored = Description(
                self.final_before or self.asked,
                self.before,
                self.said_before or None,
                "https://cdn.example.net/article.png",
                self.site,
                "article",
            )
        return Known(self.asked, stored, bare_since)

    def judged(self, bare_since: int | None = None, now: int = NOW) -> Verdict:
        """The decision."""
        head = self.head()
        return judge(self.known(bare_since), head, describe(head), now)


POST = "https://www.reddit.com/r/python/comments/1abcd/how_we_made_it/"
ARTICLE = "https://news.example.com/2026/03/how-the-thing-was-made"
MADE = "How the thing was made"

WALLS = {
    "Reddit's shell": Shape(
        POST, f"{MADE} : r/python", "Reddit - The heart of the internet"
    ),
    "Reddit's shell, never read before": Shape(POST, None, "Reddit - The heart of the internet"),
    "Reddit's shell with tags": Shape(
        POST, f"{MADE} : r/python", "Reddit - Where the world talks", og=True
    ),
    "Amazon's robot check": Shape(
        "https://www.amazon.com/dp/B000TEST01", "A lamp for desks: Home", "Amazon.com"
    ),
    "Amazon's robot check in Germany": Shape(
        "https://www.amazon.de/dp/B000TEST01", "Eine Lampe", "Amazon.de"
    ),
    "Amazon's robot check, never read before": Shape(
        "https://www.amazon.com/dp/B000TEST01", None, "Amazon.com"
    ),
    "Amazon's log-in": Shape(
        "https://www.amazon.com/hz/wishlist/ls/2X",
        "Lamps I like",
        "Amazon Sign-In",
        "https://www.amazon.com/ap/signin?openid.return_to=https%3A%2F%2Fwww.amazon.com%2Fhz",
    ),
    "Facebook's log-in": Shape(
        "https://www.facebook.com/acme/posts/5",
        "Acme opens a shop",
        "Log into Facebook",
        "https://www.facebook.com/login/?next=https%3A%2F%2Fwww.facebook.com%2Facme%2Fposts%2F5",
        og=True,
    ),
    "Facebook's log-in in place": Shape(
        "https://www.facebook.com/acme/posts/5", "Acme opens a shop", "Log in to Facebook", og=True
    ),
    "Facebook's log-in, never read before": Shape(
        "https://www.facebook.com/acme/posts/5", None, "Log into Facebook", og=True
    ),
    "Instagram's log-in in place": Shape(
        "https://www.instagram.com/p/Cxyz/", "Acme on Instagram: a shop", "Login \u2022 Instagram"
    ),
    "Instagram's name": Shape(
        "https://www.instagram.com/p/Cxyz/", "Acme on Instagram: a shop", "Instagram", og=True
    ),
    "LinkedIn's log-in": Shape(
        "https://www.linkedin.com/posts/acme-5",
        "Acme opens a shop",
        "LinkedIn Login, Sign in | LinkedIn",
        "https://www.linkedin.com/uas/login?session_redirect=%2Fposts",
    ),
    "LinkedIn's sign-up": Shape(
        "https://www.linkedin.com/in/jane", "Jane Doe - Acme", "Sign Up | LinkedIn", og=True
    ),
    "X's log-in": Shape(
        "https://x.com/acme/status/5",
        "Acme on X: a shop",
        "Log in to X / X",
        "https://x.com/i/flow/login?redirect_after_login=%2Facme%2Fstatus%2F5",
    ),
    "X's shell": Shape("https://x.com/acme/status/5", "Acme on X: a shop", "X"),
    "TikTok's slogan": Shape(
        "https://www.tiktok.com/@acme/video/5", "A dance", "TikTok - Make Your Day", og=True
    ),
    "a video that is gone": Shape(
        "https://www.youtube.com/watch?v=abc", "A talk on lamps - YouTube", " - YouTube"
    ),
    "YouTube's consent": Shape(
        "https://www.youtube.com/watch?v=abc",
        "A talk on lamps",
        "Before you continue to YouTube",
        "https://consent.youtube.com/m?continue=https%3A%2F%2Fwww.youtube.com",
    ),
    "Yahoo's consent": Shape(
        "https://finance.yahoo.com/news/lamps.html",
        "Lamps are up",
        "Yahoo is part of a family of brands",
        "https://consent.yahoo.com/v2/collectConsent?sessionId=5",
        og=True,
    ),
    "Tumblr's consent": Shape(
        "https://acme.tumblr.com/post/5",
        "A drawing",
        "Tumblr",
        "https://www.tumblr.com/privacy/consent/begin?redirect_to=https%3A%2F%2Facme.tumblr.com",
        og=True,
    ),
    "a newspaper's consent": Shape(
        ARTICLE, MADE, "News", "https://myprivacy.example.net/consent?siteKey=x", og=True
    ),
    "a log-in at another host": Shape(
        "https://wiki.example.org/pages/5",
        "The handbook of lamps",
        "Example",
        "https://login.example.org/realms/x?client_id=wiki",
    ),
    "GitLab's log-in": Shape(
        "https://git.example.org/team/lamps", "team / lamps", "Sign in \u00b7 GitLab",
        "https://git.example.org/users/sign_in", og=True,
    ),
    "WordPress's log-in": Shape(
        ARTICLE, MADE, "Log In \u2039 News \u2014 WordPress",
        "https://news.example.com/wp-login.php?redirect_to=%2F2026%2F03",
    ),
    "Medium's log-in": Shape(
        "https://medium.com/@jane/lamps-5", "Lamps", "Medium",
        "https://medium.com/m/signin?operation=register&redirect=https%3A%2F%2Fmedium.com", og=True,
    ),
    "GitHub's log-in": Shape(
        "https://github.com/acme/private-lamps", "acme/private-lamps", "Sign in to GitHub \u00b7 GitHub",
        "https://github.com/login?return_to=%2Facme%2Fprivate-lamps",
    ),
    "a university's log-in": Shape(
        "https://courses.example.edu/lamps", "Lamps 101", "Central Authentication Service",
        "https://id.example.edu/cas/login?service=https%3A%2F%2Fcourses.example.edu",
    ),
    "a log-in of the session": Shape(
        "https://forum.example.com/t/lamps/5", "Lamps that glow", "Forum",
        "https://forum.example.com/session?return_path=%2Ft%2Flamps%2F5", og=True,
    ),
    "a log-in in a language": Shape(
        "https://forum.example.de/t/lampen/5", "Lampen, die leuchten", "Anmelden | Forum", og=True
    ),
    "Bloomberg's robot check": Shape(
        "https://www.bloomberg.com/news/articles/2026/lamps", "Lamps Are Up",
        "Bloomberg - Are you a robot?", og=True,
    ),
    "Cloudflare's check": Shape(ARTICLE, MADE, "Just a moment..."),
    "DataDome's check": Shape(
        "https://www.example-shop.com/listing/5/lamp", "A lamp, by hand", "example-shop.com"
    ),
    "Walmart's robot check": Shape(
        "https://www.walmart.com/ip/lamp/5", "A lamp", "Robot or human?",
        "https://www.walmart.com/blocked?url=L2lwL2xhbXA&uuid=%2Fx", og=True,
    ),
    "an article that leads home": Shape(
        ARTICLE, MADE, "The News of today", "https://news.example.com/", og=True, text="All news."
    ),
    "an article that leads home in a language": Shape(
        ARTICLE, MADE, "The News of today", "https://news.example.com/en-us/?utm_source=404",
        og=True, text="All news.",
    ),
    "a short link whose page leads home": Shape(
        "https://sho.rt/abc", MADE, "The News of today", "https://news.example.com/index.html",
        og=True, final_before=ARTICLE,
    ),
    "an error with tags": Shape(ARTICLE, MADE, "Page not found | News", og=True),
    "a site's name that its pages give": Shape(
        "https://journal.example.com/lamps", MADE, "The Daily Lamp", og=True, site="The Daily Lamp"
    ),
    "a site's name at the end of the title": Shape(
        "https://n.example.com/item?id=5", f"{MADE} | Lamp News", "Lamp News", text="Links."
    ),
    "a page that tells another to follow": Shape(ARTICLE, MADE, "Redirecting..."),
    "Reddit's check": Shape(
        POST, f"{MADE} : r/python", "Reddit - Please wait for verification"
    ),
    "Reddit's check, never read before": Shape(POST, None, "Reddit - Please wait for verification"),
    "Threads' name at its new address": Shape(
        "https://www.threads.com/@jane/post/5", None, "Threads", og=True
    ),
    "a library's robot check, never read before": Shape(
        "https://pmc.ncbi.nlm.nih.gov/articles/PMC5/", None, "Checking your browser - reCAPTCHA"
    ),
    "a search engine's robot check": Shape(
        "https://yandex.ru/maps/org/5", None, "Yandex",
        "https://yandex.ru/showcaptcha?cc=1&mt=5&retpath=aHR0cHM6", og=True,
    ),
    "a shop's robot check": Shape(
        "https://www.ebay.com/itm/5", "A lamp | eBay", "Security Measure",
        "https://www.ebay.com/splashui/captcha?ap=1&appName=orch&ru=5", og=True,
    ),
    "a messenger's robot check": Shape(
        "https://mp.weixin.qq.com/s/abc", "Lamps", "Weixin Official Accounts Platform",
        "https://mp.weixin.qq.com/mp/wappoc_appmsgcaptcha?poc_token=5&target_url=x", og=True,
    ),
    "a publisher's robot check": Shape(
        "https://academic.oup.com/lamps/article/5", "On lamps", "Validate User",
        "https://academic.oup.com/crawlprevention/governor?content=%2flamps%2farticle%2f5", og=True,
    ),
    "a publisher's page without cookies": Shape(
        "https://onlinelibrary.wiley.com/doi/10.1/5", "On lamps", "Wiley Online Library",
        "https://onlinelibrary.wiley.com/action/cookieAbsent", og=True,
    ),
    "a magazine's consent": Shape(
        "https://www.spiegel.example/lampen-a-5", "Lampen", "Nachrichten",
        "https://www.spiegel.example/consent-a-?targetUrl=https%3A%2F%2Fwww.spiegel.example%2F",
        og=True,
    ),
    "a weekly's consent": Shape(
        "https://www.zeit.example/2026/lampen", "Lampen", "Mit Werbung lesen",
        "https://www.zeit.example/zustimmung?url=https%3A%2F%2Fwww.zeit.example%2F2026", og=True,
    ),
    "a daily's consent": Shape(
        "https://www.derstandard.at/story/5/lampen", "Lampen", "Willkommen",
        "https://www.derstandard.at/consent/tcf/story/5/lampen-leuchten-wieder", og=True,
    ),
    "a radio's choice of versions": Shape(
        "https://www.npr.org/2026/lamps", None, "NPR",
        "https://choice.npr.org/index.html?origin=https://www.npr.org/2026/lamps", og=True,
    ),
    "a paywall": Shape(
        "https://www.ft.com/content/5", "Lamps are up", "Subscribe to read | Financial Times",
        og=True, text="News, analysis and comment.",
    ),
    "a log-in of Auth0": Shape(
        "https://app.acme.example/lamps/5", None, "Welcome to Acme",
        "https://id.acme.example/u/login?state=hKFo2SA5", og=True,
    ),
    "a log-in of Shibboleth": Shape(
        "https://courses.example.edu/lamps", "Lamps 101", "Example University",
        "https://shibboleth.example.edu/idp/profile/SAML2/Redirect/SSO?execution=e1s1",
    ),
    "a log-in of a work place": Shape(
        "https://acme.slack.example/archives/C5/p5", "Lamps", "Acme",
        "https://slack.example/enter?redir=%2Farchives%2FC5%2Fp5", og=True,
    ),
    "a blog that was made private": Shape(
        "https://lamps.example.blog/glow/", MADE, "This blog is private",
        "https://lamps.example.blog/private/?r=%2Fglow%2F", og=True,
    ),
    "a log-in named like the site": Shape(
        "https://www.pinterest.com/pin/5", "A lamp", "Pinterest Login", og=True
    ),
    "a log-in for members": Shape(ARTICLE, MADE, "Member Login", og=True),
}  # fmt: skip


@pytest.mark.parametrize("shape", WALLS.values(), ids=WALLS)
def test_a_wall_is_not_the_page(shape: Shape) -> None:
    """Shells, captchas and log-ins, all with 200, replaced good titles; no time makes them the page."""
    verdict = shape.judged()
    assert verdict.doubt is not None
    assert verdict.walled
    later = shape.judged(bare_since=NOW - 400 * DAY)
    assert later.doubt is not None


NO_WALLS = {
    "never read before": Shape(ARTICLE, None, MADE),
    "never read before, and poor": Shape(ARTICLE, None, "News"),
    "the same": Shape(ARTICLE, MADE, MADE, og=True, text="x"),
    "another title": Shape(ARTICLE, MADE, "The making of the thing", og=True),
    "another title with the site's name behind": Shape(
        ARTICLE, f"{MADE} | News", "A new look at lamps | News", og=True
    ),
    "the site's name went from behind the title": Shape(
        ARTICLE, f"{MADE} | News", MADE, og=True
    ),
    "the site's name went from before the title": Shape(
        "https://acme.example/lamps", f"Acme: {MADE}", MADE, og=True, site="Acme"
    ),
    "a repository with another description": Shape(
        "https://github.com/acme/lamps", "GitHub - acme/lamps: Lamps in C",
        "GitHub - acme/lamps: Glowing things, rewritten", og=True,
    ),
    "a repository that was renamed": Shape(
        "https://github.com/acme/lamps", "GitHub - acme/lamps: Lamps in C",
        "GitHub - jane/lights: Everything that glows", "https://github.com/jane/lights", og=True,
    ),
    "a repository named login": Shape(
        "https://github.com/acme/gate", "GitHub - acme/gate: Log-in for sites",
        "GitHub - acme/login: Log-in for sites", "https://github.com/acme/login", og=True,
    ),
    "the site's name and the topic went from before the title": Shape(
        "https://acme.example/lamps", "Acme: Lamps: How they glow", "How they glow", og=True
    ),
    "a page that never had a title of its own": Shape(
        ARTICLE, "News", "News - Where things shine", og=True
    ),
    "a page named like its host": Shape(
        "https://acme.example/story", None, "acme.example", og=True
    ),
    "a product with another title": Shape(
        "https://www.amazon.com/dp/B000TEST01", "Amazon.com: Desk lamp, black : Home",
        "Amazon.com: Desk lamp, black and white : Home", text="A lamp.",
    ),
    "only a description is left": Shape(ARTICLE, MADE, MADE, text="How it was made."),
    "only a card is left": Shape(ARTICLE, MADE, MADE, og=True),
    "only a title was there": Shape(ARTICLE, MADE, "Made", said_before="", final_before="bare"),
    "the home page itself": Shape(
        "https://www.reddit.com/", "Reddit - Dive into anything", "Reddit - The heart of the internet",
        og=True,
    ),
    "the home page with a mark": Shape(
        "https://acme.example/?utm_source=list", "Acme makes lamps", "Acme", og=True
    ),
    "the home page in a language": Shape(
        "https://acme.example/", "Acme makes lamps", "Acme macht Lampen",
        "https://acme.example/de/", og=True,
    ),
    "the home page under a name": Shape(
        "https://acme.example/index.html", "Acme makes lamps", "Acme, now with more light",
        "https://acme.example/", og=True,
    ),
    "the home page that asks for a log-in": Shape(
        "https://app.acme.example/", None, "Sign in | Acme", og=True
    ),
    "a log-in page itself": Shape(
        "https://acme.example/login", "Log in to Acme", "Sign in to Acme", og=True
    ),
    "a log-in page itself, at another place": Shape(
        "https://acme.example/login", "Log in to Acme", "Welcome back to Acme",
        "https://accounts.acme.example/signin?next=%2F", og=True,
    ),
    "Google's own log-in": Shape(
        "https://accounts.google.com/", None, "Sign in - Google Accounts",
        "https://accounts.google.com/v3/signin/identifier",
    ),
    "documentation of a log-in": Shape(
        "https://sho.rt/docs", None, "Login | API reference",
        "https://docs.acme.example/reference/login", og=True,
    ),
    "an article on log-ins": Shape(
        "https://blog.acme.example/5", "Why log-ins fail",
        "Sign in with care: why passwords fail us so often",
        "https://blog.acme.example/login/why-passwords-fail-us", og=True,
    ),
    "an encyclopedia's article": Shape(
        "https://en.wikipedia.org/wiki/Login", "Login - Wikipedia", "Login - Wikipedia", og=True
    ),
    "a page on consent": Shape(
        "https://health.example.org/consent", "On consent", "On consent, for parents", og=True
    ),
    "Indonesian": Shape(
        "https://id.wikipedia.org/wiki/Lampu", "Lampu", "Lampu - Wikipedia", og=True
    ),
    "a short link to a home page": Shape(
        "https://sho.rt/abc", None, "Acme makes lamps", "https://acme.example/", og=True
    ),
    "a short link to a home page, read before": Shape(
        "https://sho.rt/abc", "Acme makes lamps", "Acme makes more lamps", "https://acme.example/",
        og=True, final_before="https://acme.example/",
    ),
    "a page that moved home with its title": Shape(
        "https://old.example.com/lamps", MADE, MADE, "https://lamps.example.com/", og=True
    ),
    "a page that moved home with its description": Shape(
        "https://old.example.com/lamps", "Lamps!", "Lamps, at last", "https://lamps.example.com/",
        og=True, text="How the thing was made, told by those who made it.",
    ),
    "a site with the name of a title": Shape(
        "https://just.example.com/film", None, "Just a moment...", og=True
    ),
    "a film of that name": Shape(
        "https://films.example.com/5", "Just a moment", "Just a moment", og=True
    ),
    "a host whose name ends alike": Shape(
        "https://netflix.com/title/5", "A film | Netflix", "A film, in colour | Netflix", og=True
    ),
    "Japanese": Shape(
        "https://lamp.example.jp/a/5", "Lamp - \u96fb\u6c17\u30b9\u30bf\u30f3\u30c9\u306e\u4f5c\u308a\u65b9",
        "Lamp - \u6700\u65b0\u306e\u96fb\u6c17\u30b9\u30bf\u30f3\u30c9", og=True,
    ),
    "what a wall left is replaced": Shape(
        POST, "Reddit - The heart of the internet", f"{MADE} : r/python", og=True
    ),
    "an error that was stored is replaced": Shape(ARTICLE, "Page not found | News", MADE, og=True),
    "a number in the address": Shape(
        "https://acme.example/lamps?page=2", MADE, "Lamps, second page",
        "https://acme.example/lamps?page=2&x=1", og=True,
    ),
    "an article on a log-in, under a number": Shape(
        "https://blog.example.com/p/123", None, "Passwordless login", og=True, text="How to."
    ),
    "a drawing of a log-in": Shape(
        "https://codepen.io/jane/pen/abc", "Animated form", "Animated login", og=True
    ),
    "a question on a log-in": Shape(
        "https://ask.example.com/questions/5/log-in-to-linux-with-keys", None,
        "Log in to Linux with keys - Ask", og=True,
    ),
    "a project that moved to a home of its own": Shape(
        "https://code.example.com/p/glowlamp/", "Glowlamp: a lamp in C - Example Code",
        "Light for everyone", "https://glowlamp.dev/", og=True, text="A program that shines.",
    ),
    "a page that is named private": Shape(
        "https://sho.rt/p", None, "Private lamps", "https://acme.example/private?lamp=5", og=True
    ),
    "a game behind a question for the age": Shape(
        "https://store.steampowered.com/app/5/lamps", "Lamps on Steam", "Lamps 2 on Steam",
        "https://store.steampowered.com/agecheck/app/5/", og=True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", NO_WALLS.values(), ids=NO_WALLS)
def test_a_page_is_the_page(shape: Shape) -> None:
    """Sites change their titles, move, and are home and log-in pages themselves: no alarm."""
    if shape.final_before == "bare":
        stored = Description(shape.asked, shape.before)
        head = shape.head()
        verdict = judge(Known(shape.asked, stored, None), head, describe(head), NOW)
    else:
        verdict = shape.judged()
    assert verdict == Verdict()


BARE = Shape(ARTICLE, MADE, MADE)


def test_a_page_without_its_tags_is_believed_after_30_days() -> None:
    """An outage's shell passes in a day; a site whose tags went away for good is believed on day 30."""
    first = BARE.judged()
    assert first.doubt == "its tags are gone: believed if they stay away until 2026-12-24"
    assert not first.walled
    assert first.bare_since == NOW
    assert BARE.judged(NOW, NOW + 30 * DAY - 1).bare_since == NOW
    assert BARE.judged(NOW, NOW + 30 * DAY - 1).doubt is not None
    assert BARE.judged(NOW, NOW + 30 * DAY) == Verdict()


def test_a_site_that_becomes_an_app_is_believed_after_30_days() -> None:
    """All its pages have the site's name and nothing else: a shell for a day, or the page from now on."""
    app = Shape(ARTICLE, f"{MADE} | The News", "The News")
    assert not app.judged().walled
    assert app.judged().bare_since == NOW
    assert app.judged(NOW, NOW + 30 * DAY) == Verdict()


def test_tags_that_come_back_end_the_doubt() -> None:
    """The 30 days begin anew after each answer that is the page."""
    assert replace(BARE, og=True).judged(NOW - 20 * DAY) == Verdict()


def test_a_wall_in_between_does_not_begin_the_days_anew() -> None:
    """A log-in that is shown once in three weeks says nothing of the tags."""
    wall = WALLS["Facebook's log-in"]
    assert wall.judged(NOW - 20 * DAY).bare_since == NOW - 20 * DAY


def test_a_clock_that_was_wrong_delays_nothing_for_ever() -> None:
    """A time in the future is taken for now: it would never have been 30 days ago."""
    assert BARE.judged(NOW + 900 * DAY).bare_since == NOW


def test_a_page_that_says_nothing_is_never_believed() -> None:
    """There is nothing in it that could be better than what is stored."""
    nothing = replace(BARE, title="")
    assert nothing.judged(NOW - 900 * DAY).doubt == "the page says nothing of itself any more"


def test_a_picture_does_not_replace_a_page() -> None:
    """A site that answers with a placeholder picture keeps its words; a bookmarked picture is itself."""
    url = "https://a.example/photo.jpg"
    assert judge_picture(Known(url, None, None), url) == Verdict()
    own = Description(url, "Mine", None, url)
    assert judge_picture(Known(url, own, None), "https://cdn.a.example/photo.jpg") == Verdict()
    verdict = judge_picture(Known(url, Description(url, "A page"), None), url)
    assert verdict.doubt == "a picture stands in place of the page"


TITLES = st.sampled_from(
    [
        MADE,
        "News",
        "Log in",
        "Log in to News",
        "Page not found",
        "Just a moment...",
        "",
        "A - B",
        "x",
    ]
) | st.text(max_size=40)
ADDRESSES = st.sampled_from(
    [ARTICLE, POST, "https://news.example.com/", "https://news.example.com/login?next=%2F2026"]
)
SHAPES = st.builds(
    Shape,
    asked=ADDRESSES,
    before=TITLES | st.none(),
    title=TITLES,
    final=ADDRESSES,
    og=st.booleans(),
    text=st.sampled_from(["", "Words."]) | st.text(max_size=40),
    site=st.sampled_from([None, "News"]),
)


@given(SHAPES, st.integers(0, 90 * DAY))
def test_who_is_believed_once_is_believed_later(shape: Shape, later: int) -> None:
    """Time makes no page doubtful, and a doubt that may pass keeps the day on which it began."""
    now = shape.judged(NOW)
    after = shape.judged(NOW, NOW + later)
    if now.doubt is None:
        assert after.doubt is None
    if now.doubt is not None and after.doubt is not None:
        assert after.bare_since == NOW
        assert now.walled == after.walled
    if later >= 30 * DAY and not now.walled and after.doubt is not None:
        assert describe(shape.head()).says_nothing


@given(SHAPES)
def test_where_nothing_is_stored_nothing_is_compared(shape: Shape) -> None:
    """A page that was never read is doubted for what it is, never for what it lacks."""
    new = replace(shape, before=None).judged()
    assert new.bare_since is None
    assert new.walled == (new.doubt is not None)


@given(SHAPES)
def test_what_is_stored_is_the_page(shape: Shape) -> None:
    """An answer that says what is stored is no worse than it: only known walls are refused."""
    head = shape.head()
    said = describe(head)
    again = judge(Known(shape.asked, said, None), head, said, NOW)
    new = judge(Known(shape.asked, None, None), head, said, NOW)
    assert again == new
