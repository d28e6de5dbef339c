"""Init data as Telegram would send it, signed here by the rules of its documentation."""

import hashlib
import hmac
import json
from urllib.parse import urlencode

TOKEN = "7000000001:" + "TestTokenOfNoBotAtAll_" * 2
OTHER_TOKEN = "7000000002:" + "TestTokenOfNoBotAtAll_" * 2

# Not made here: the example of the documentation of Telegram Mini Apps (init data, validating).
PUBLISHED_TOKEN = "5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8"
PUBLISHED_AT = 1662771648
PUBLISHED_USER = 279058397
PUBLISHED = (
    "query_id=AAHdF6IQAAAAAN0XohDhrOrc&user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22"
    "Vladislav%22%2C%22last_name%22%3A%22Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22"
    "language_code%22%3A%22ru%22%2C%22is_premium%22%3Atrue%7D&auth_date=1662771648&hash="
    "c501b71e775f74ce10e377dea85a7ea24ecd640b223ea86dfe453e0eaed2e2b2"
)


def signed(fields: dict[str, str], *, token: str = TOKEN) -> str:
    """Return these fields as init data of the bot."""
    secret = hmac.digest(b"WebAppData", token.encode(), hashlib.sha256)
    checked = "\n".join(f"{key}={fields[key]}" for key in sorted(fields))
    found = hmac.new(secret, checked.encode(), hashlib.sha256).hexdigest()
    return urlencode({**fields, "hash": found})


def init_data(user: object, *, at: float, token: str = TOKEN) -> str:
    """Return init data for `{"id": user}`, signed at a unix time."""
    person = json.dumps({"id": user, "first_name": "Somebody"}, separators=(",", ":"))
    return signed({"auth_date": str(int(at)), "query_id": "AAE", "user": person}, token=token)
