"""Login: OAuth2 with the user's own app, and access tokens that are renewed while a run goes on."""

from __future__ import annotations

from harvest_warehouse.login.loopback import PORT, redirect_uri, sign_in
from harvest_warehouse.login.oauth import App, LoginEnded, Tokens
from harvest_warehouse.login.renewal import configured_token

__all__ = ["PORT", "App", "LoginEnded", "Tokens", "configured_token", "redirect_uri", "sign_in"]
