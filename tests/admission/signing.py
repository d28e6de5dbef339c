"""Init data as Telegram would send it, signed here by the rules of its documentation."""

import hashlib
import hmac
import json
from urllib.parse import urlencode

from app.demo_users import FIRST_TELEGRAM_ID

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


# Not made here: the example of the same documentation, and of its libraries' own tests, for init
# data that is checked without the bot's token. The hash was made with the token that stands there.
THIRD_PARTY_BOT = 7342037359
THIRD_PARTY_TOKEN = "7342037359:AAFZehRPBRs8Seg40oDjTMIW8uTGPuW1zfQ"
THIRD_PARTY_AT = 1733584787
THIRD_PARTY = (
    "user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladislav%20%2B%20-%20%3F%20%5C%2F%22%2C"
    "%22last_name%22%3A%22Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%22%3A%22"
    "ru%22%2C%22is_premium%22%3Atrue%2C%22allows_write_to_pm%22%3Atrue%2C%22photo_url%22%3A%22"
    "https%3A%5C%2F%5C%2Ft.me%5C%2Fi%5C%2Fuserpic%5C%2F320%5C%2F4FPEE4tmP3ATHa57u6MqTDih13LTOiMoKoLD"
    "RG4PnSA.svg%22%7D&chat_instance=8134722200314281151&chat_type=private&auth_date=1733584787&hash="
    "2174df5b000556d044f3f020384e879c8efcab55ddea2ced4eb752e93e7080d6&signature=zL-ucjNyREiHDE8aihFw"
    "pfR9aggP2xiAo3NSpfe-p7IbCisNlDKlo7Kb6G4D0Ao2mBrSgEk4maLSdv6MLIlADQ"
)


def signed(fields: dict[str, str], *, token: str = TOKEN) -> str:
    """Return these fields as init data of the bot."""
    secret = hmac.digest(b"WebAppData", token.encode(), hashlib.sha256)
    checked = "\n".join(f"{key}={fields[key]}" for key in sorted(fields))
    found = hmac.new(secret, checked.encode(), hashlib.sha256).hexdigest()
    return urlencode({**fields, "hash": found})


def init_data_of(user: int, *, at: float, token: str = TOKEN) -> str:
    """Return init data of the Telegram account that a user of the demonstration has."""
    return init_data(FIRST_TELEGRAM_ID + user, at=at, token=token)


def init_data(account: object, *, at: float, token: str = TOKEN) -> str:
    """Return init data for the account `{"id": account}`, signed at a unix time."""
    person = json.dumps({"id": account, "first_name": "Somebody"}, separators=(",", ":"))
    return signed({"auth_date": str(int(at)), "query_id": "AAE", "user": person}, token=token)
