"""A token of production's proves a user, or it proves nothing."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from app.settings_admission import TokenRules
from app.web.identity import OfUser
from app.web.tokens import MOST_CHARACTERS, TokenError, TokenFlaw, TokenVerifier

NOW = 1_790_000_000
KEY = "a secret of the tests, and of nobody else, which is long enough for all"
RULES = TokenRules(key=KEY, audience="shim")
CLAIMS = {"sub": "74", "aud": "shim", "exp": NOW + 60}
_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_PAIRS: dict[str, Any] = {
    "RS256": _RSA,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def public(private: Any) -> str:
    """Return the public half of a key, as it is given to the service."""
    text: bytes = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def token(key: Any = KEY, *, algorithm: str = "HS256", **claims: Any) -> str:
    """Return a token with these claims besides the usual ones; None leaves one away."""
    every = {**CLAIMS, **claims}
    return jwt.encode({k: v for k, v in every.items() if v is not None}, key, algorithm=algorithm)


def verifier(rules: TokenRules | None = RULES) -> TokenVerifier:
    """Return a verifier whose clock stands still."""
    return TokenVerifier(rules, utc_now=lambda: datetime.fromtimestamp(NOW, UTC))


def flaw_of(text: str, rules: TokenRules | None = RULES) -> str:
    """Return why a token is refused."""
    with pytest.raises(TokenError) as refused:
        verifier(rules).verify(text)
    return refused.value.flaw


def unsigned(header: dict[str, str]) -> str:
    """Return a token without a signature, which says this of itself."""
    parts = [json.dumps(part).encode() for part in (header, CLAIMS)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


@pytest.mark.parametrize("user", ["74", 74])
def test_a_good_token_proves_its_user_until_it_ends(user: object) -> None:
    """As text, as its standard has it, or as a number."""
    assert verifier().verify(token(sub=user)) == OfUser(74, NOW + 60)


def test_the_claim_that_is_named_holds_the_user_and_no_other() -> None:
    """What another claim says is of another kind, such as a Telegram id."""
    rules = TokenRules(key=KEY, audience="shim", claim="userId")
    assert verifier(rules).verify(token(userId=48, sub="88888888")).user_id == 48
    assert flaw_of(token(), rules) == TokenFlaw.NOBODY


@pytest.mark.parametrize("algorithm", _PAIRS)
def test_a_token_of_a_key_pair_is_checked_by_its_public_half(algorithm: str) -> None:
    """The service can check and not sign."""
    private = _PAIRS[algorithm]
    rules = TokenRules(key=public(private), audience="shim", algorithm=algorithm)
    assert verifier(rules).verify(token(private, algorithm=algorithm)).user_id == 74
    for other, key in _PAIRS.items():
        if other != algorithm:
            assert flaw_of(token(key, algorithm=other), rules) == TokenFlaw.FORGED


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (token("another secret of the tests, as long as the first"), TokenFlaw.FORGED),
        (token(algorithm="HS384"), TokenFlaw.FORGED),
        (unsigned({"alg": "none"}), TokenFlaw.FORGED),
        (unsigned({"alg": "HS256"}), TokenFlaw.FORGED),
        (token(exp=NOW - 1), TokenFlaw.EXPIRED),
        (token(exp=NOW), TokenFlaw.EXPIRED),
        (token(exp=None), TokenFlaw.MALFORMED),
        (token(aud=None), TokenFlaw.MALFORMED),
        (token(aud="another service"), TokenFlaw.FOREIGN),
        (token(aud=["another", "service"]), TokenFlaw.FOREIGN),
        (token(nbf=NOW + 31), TokenFlaw.FUTURE),
        (token(iat=NOW + 31), TokenFlaw.FUTURE),
        (token(sub=None), TokenFlaw.NOBODY),
        (token(sub="0"), TokenFlaw.NOBODY),
        (token(sub=" 74"), TokenFlaw.NOBODY),
        (token(sub=74.0), TokenFlaw.NOBODY),
        (token(sub=True), TokenFlaw.NOBODY),
        (token(sub=2**53), TokenFlaw.NOBODY),
        (token(sub={"id": 74}), TokenFlaw.NOBODY),
        (token(exp=2**60), TokenFlaw.MALFORMED),
        (token(exp=True), TokenFlaw.MALFORMED),
        (token(note="x" * MOST_CHARACTERS), TokenFlaw.TOO_LONG),
        *((text, TokenFlaw.MALFORMED) for text in ("", ".", "..", "a.b.c", "\x00", "\ud800", "é")),
    ],
)
def test_what_proves_nothing_is_refused_by_name(text: str, flaw: TokenFlaw) -> None:
    """Forged, of another algorithm, ended, for somebody else, without what must be there."""
    assert flaw_of(text) == flaw


@pytest.mark.parametrize("skewed", [{"nbf": NOW + 29}, {"iat": NOW + 29}, {"aud": ["x", "shim"]}])
def test_a_clock_that_is_a_little_ahead_is_no_flaw(skewed: dict[str, Any]) -> None:
    """Nor is a token that is for others, too."""
    assert verifier().verify(token(**skewed)).user_id == 74


def test_a_public_key_is_never_taken_for_a_secret() -> None:
    """The well-known forgery: HS256 with the text of the public key."""
    text = public(_RSA)
    rules = TokenRules(key=text, audience="shim", algorithm="RS256")
    assert flaw_of(_hmac_with(text), rules) == TokenFlaw.FORGED


def _hmac_with(key: str) -> str:
    """Return a token that is signed with any text, which PyJWT itself would refuse to do."""
    head = unsigned({"alg": "HS256", "typ": "JWT"})[:-1]
    made = hmac.digest(key.encode(), head.encode(), hashlib.sha256)
    return f"{head}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


@given(st.data())
def test_a_token_with_any_character_changed_proves_nothing_else(data: st.DataObject) -> None:
    """Nobody else is let in by it."""
    text = token()
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.characters()) + text[place + 1 :]
    try:
        found = verifier().verify(changed)
    except TokenError:
        return
    assert found == OfUser(74, NOW + 60)


def test_without_a_key_no_token_is_good() -> None:
    """Rather nobody than anybody."""
    assert flaw_of(token(), None) == TokenFlaw.UNVERIFIABLE


def test_neither_key_nor_token_is_in_a_representation() -> None:
    """Nor in an error."""
    with pytest.raises(TokenError) as refused:
        verifier().verify(token(exp=NOW - 1))
    assert str(refused.value) == "token expired: sign in anew"
    assert KEY not in repr(RULES)
