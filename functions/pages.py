"""The few pages that the HTTP API answers with itself: for links in mail."""

from functions.observing import Answer

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">\
<meta name="viewport" content="width=device-width"><title>Parley</title></head>\
<body><h1>Mail from Parley</h1>{}</body></html>"""

ASK = (
    '<form method="post"><p>Do you want to end mail about mentions and messages?</p>'
    '<button type="submit">End mail</button></form>'
)
DONE = "<p>You get no more mail. You can ask for it again in the web app.</p>"


def page(content: str) -> Answer:
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        # The address has the link's token in it.
        "Referrer-Policy": "no-referrer",
    }
    return {"statusCode": 200, "headers": headers, "body": _PAGE.format(content)}
