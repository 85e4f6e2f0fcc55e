"""The hosts whose paths say nothing of a page, so that its slug is made of its title."""

OPAQUE_HOSTS = frozenset(
    {
        # video and sound
        *("youtube.com", "youtu.be", "youtube-nocookie.com", "vimeo.com", "twitch.tv"),
        *("dailymotion.com", "dai.ly", "loom.com", "tiktok.com", "bilibili.com", "b23.tv"),
        *("nicovideo.jp", "streamable.com", "wistia.com", "vidyard.com", "open.spotify.com"),
        # social
        *("twitter.com", "x.com", "t.co", "facebook.com", "fb.watch", "instagram.com"),
        *("linkedin.com", "lnkd.in", "reddit.com", "redd.it", "threads.net", "threads.com"),
        *("bsky.app", "mastodon.social", "pinterest.com", "pin.it", "tumblr.com", "vk.com"),
        *("weibo.com", "news.ycombinator.com", "discord.com", "discord.gg", "app.slack.com"),
        *("t.me", "groups.google.com"),
        # code
        *("github.com", "gist.github.com", "gitlab.com", "bitbucket.org", "codeberg.org"),
        *("codepen.io", "codesandbox.io", "stackblitz.com", "jsfiddle.net", "jsbin.com"),
        *("plnkr.co", "replit.com", "repl.it", "pastebin.com", "godbolt.org"),
        *("colab.research.google.com", "huggingface.co"),
        # questions
        *("stackoverflow.com", "stackexchange.com", "superuser.com", "serverfault.com"),
        *("askubuntu.com", "mathoverflow.net", "quora.com", "zhihu.com"),
        # documents, boards and files
        *("docs.google.com", "drive.google.com", "sheets.google.com", "slides.google.com"),
        *("forms.google.com", "forms.gle", "keep.google.com", "photos.google.com"),
        *("photos.app.goo.gl", "lookerstudio.google.com", "jamboard.google.com"),
        *("onedrive.live.com", "onedrive.com", "1drv.ms", "sharepoint.com"),
        *("forms.office.com", "forms.microsoft.com", "loop.cloud.microsoft", "onenote.com"),
        *("notion.so", "notion.site", "airtable.com", "coda.io", "miro.com", "canva.com"),
        *("figma.com", "app.mural.co", "lucid.app", "whimsical.com", "excalidraw.com"),
        *("app.asana.com", "app.clickup.com", "trello.com", "basecamp.com", "smartsheet.com"),
        *("dropbox.com", "app.box.com", "icloud.com", "mega.nz", "wetransfer.com", "we.tl"),
        *("evernote.com", "quip.com", "docsend.com", "typeform.com", "tally.so"),
        *("medium.com", "substack.com", "arxiv.org", "scribd.com", "slideshare.net"),
        # assistants
        *("chatgpt.com", "chat.openai.com", "claude.ai", "perplexity.ai", "gemini.google.com"),
        *("bard.google.com", "g.co", "aistudio.google.com", "notebooklm.google.com"),
        *("copilot.microsoft.com", "copilot.cloud.microsoft", "grok.com", "poe.com", "pi.ai"),
        *("meta.ai", "chat.deepseek.com", "chat.mistral.ai", "chat.qwen.ai", "kimi.com"),
        *("character.ai", "phind.com", "you.com", "genspark.ai", "manus.im", "duck.ai"),
    }
)
"""Their subdomains count too."""


def is_opaque(host: str) -> bool:
    """Whether the host is one of `OPAQUE_HOSTS` or below one; whole labels are compared."""
    labels = host.split(".")
    return any(".".join(labels[start:]) in OPAQUE_HOSTS for start in range(len(labels) - 1))
