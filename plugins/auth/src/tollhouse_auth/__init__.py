"""Authentication for Tollhouse: keys of the file, keys of the store, tokens of an identity provider."""

from .events import KeyCreated, KeyRevoked, KeyRotated
from .plugin import Auth
from .settings import AuthLevel, AuthSettings, JwtIssuer

__all__ = ["Auth", "AuthLevel", "AuthSettings", "JwtIssuer", "KeyCreated", "KeyRevoked", "KeyRotated"]
