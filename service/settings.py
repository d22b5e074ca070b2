"""What an operator can set, and nothing else.

Each setting is read from the environment as ``HUOBAN_<NAME>``, or from the file named by
``HUOBAN_<NAME>_FILE`` (for secrets that a platform mounts as files). Built in ``cli`` and ``app`` only and
handed down; nothing reads the environment later. ``docs/settings.md`` explains each one; a test compares.
"""

import os
import re
from datetime import time
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from service.clock import Calendar
from service.errors import SetupError
from service.words import PASS_REASONS

PREFIX = "HUOBAN_"
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
_UNSUBSCRIBE = re.compile(r"(mailto:|https://)[!-;=?-~]+")  # printable ASCII without angle brackets
Network = IPv4Network | IPv6Network


class _FileSource(PydanticBaseSettingsSource):
    """``HUOBAN_X_FILE=/run/secrets/x`` gives setting ``X`` the text of that file, less the last line end."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n"), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise SetupError(
                f"{PREFIX}{field_name.upper()}_FILE names {path}, which cannot be read ({error})."
            ) from error

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


class Settings(BaseSettings):
    """Frozen, validated, complete: everything below the doors can trust it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: str = Field(
        "sqlite+aiosqlite:///./data/huoban.db",
        description="Where the newsroom's data lives: an SQLite file or a PostgreSQL database.",
    )
    feeds_file: Path | None = Field(
        None, description="The list of sources. Without it: ./feeds.yaml if there is one, else the list that ships."
    )
    base_url: str = Field(
        "http://127.0.0.1:8000", description="The public address of this service, without a trailing slash."
    )
    site_title: str = Field("Huoban Daily", description="The name of the list, as readers see it.")
    language: str = Field(
        "en", pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="The language its editors write in (BCP 47)."
    )
    timezone: str = Field("UTC", description="The newsroom's time zone (IANA name); it decides which day it is.")
    digest_at: time = Field(
        time(6, 0), description="Wall time, on the day after, at which an edition closes and its digest is frozen."
    )
    scheduler: bool = Field(True, description="Whether `serve` also fetches and closes editions by the clock.")
    fetch_concurrency: int = Field(64, ge=1, le=500, description="Fetches under way at once, in one process.")
    host_concurrency: int = Field(1, ge=1, le=8, description="Requests under way at once to one host.")
    host_gap: float = Field(1.0, ge=0, le=3600, description="Seconds between two requests to one host.")
    fetch_deadline: float = Field(60.0, gt=0, le=600, description="Seconds that one fetch may take in all.")
    allowed_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        (), description="Private networks (CIDR, comma-separated) that fetchers may reach all the same, on any port."
    )
    ledger_key: SecretStr | None = Field(
        None,
        description="The Ed25519 private key (PEM) that signs the journal's checkpoints. Without it: one that the "
        "service makes once and keeps in the database.",
    )
    oidc_issuer: str = Field(
        "", max_length=255, description="The OpenID Connect provider that people may sign in through; empty for none."
    )
    oidc_client_id: str = Field("", validate_default=True, description="What the provider calls this service.")
    oidc_client_secret: SecretStr | None = Field(None, description="What this service proves that with.")
    oidc_domain: str = Field("", description="Only people with an e-mail address of this domain sign in through it.")
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field(
        (), description="Networks (CIDR, comma-separated) of our own proxies, whose X-Forwarded-For is believed."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Further names (comma-separated) that this service goes by, beside that of its public address."
    )
    smtp_host: str = Field("", description="The mail server that takes the digest; without it none is mailed.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port: 587 for starttls, 465 for tls.")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="`tls` from the first byte, `starttls`: before anything else is said, or `none`."
    )
    smtp_user: str = Field("", description="The account at the mail server, where it wants one.")
    smtp_password: SecretStr | None = Field(None, description="Its password.")
    smtp_from: str = Field("", description="The address that the digest comes from.")
    smtp_recipients: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="The addresses that get the digest, comma-separated: mostly that of a mailing list."
    )
    smtp_unsubscribe: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Where to unsubscribe, comma-separated: `mailto:` and `https:` addresses; `{address}` stands for "
        "the recipient's.",
    )
    websub_hub: str = Field("", description="The WebSub hub that pushes our feeds; it is told of every change.")
    suggestions: bool = Field(True, description="Whether the desk shows the partners that a story's text names.")
    pass_reasons: Annotated[tuple[str, ...], NoDecode] = Field(
        PASS_REASONS,
        min_length=1,
        max_length=20,
        description="Why a story may be passed: comma-separated, each of a-z, 0-9 and _, 32 characters at the most.",
    )
    contact: str = Field("", description="A URL or e-mail address in the user agent, for publishers with questions.")
    metrics_token: str = Field(
        "", repr=False, description="What Prometheus must send to read /metrics; without it only this machine may."
    )
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="`text` for people, `json` for machines, `auto`: text on a terminal, else json."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least level logged.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then ``…_FILE``; no .env file is read behind one's back."""
        return init_settings, env_settings, _FileSource(settings_cls)

    @field_validator(
        "allowed_networks",
        "trusted_proxies",
        "allowed_hosts",
        "pass_reasons",
        "smtp_recipients",
        "smtp_unsubscribe",
        mode="before",
    )
    @classmethod
    def _split_list(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("base_url")
    @classmethod
    def _plain_base(cls, value: str) -> str:
        parts = urlsplit(value)
        plain = not (parts.query or parts.fragment or parts.username or parts.port == 0 or not value.isprintable())
        if parts.scheme not in ("http", "https") or not parts.hostname or " " in value or not plain:
            raise ValueError("write an absolute http or https address, for example https://daily.example.org")
        return value.rstrip("/")

    @field_validator("pass_reasons")
    @classmethod
    def _plain_reasons(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [reason for reason in value if not re.fullmatch("[a-z0-9_]{1,32}", reason)]:
            raise ValueError(f"'{wrong[0]}' is no reason; write for example off_topic,duplicate,other")
        return tuple(dict.fromkeys(value))

    @field_validator("ledger_key")
    @classmethod
    def _signing_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            from service.signing import read_signing_key  # here: most starts have no such key and need no cryptography

            read_signing_key(value.get_secret_value())
        return value

    @field_validator("smtp_from", "smtp_recipients")
    @classmethod
    def _mail_addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for address in (value,) if isinstance(value, str) else value:
            if address and not _ADDRESS.fullmatch(address):
                raise ValueError(f"'{address}' is no e-mail address; write it plainly, as digest@example.org")
        return value

    @field_validator("smtp_unsubscribe")
    @classmethod
    def _unsubscribe_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            if not _UNSUBSCRIBE.fullmatch(address):
                raise ValueError(f"'{address}' begins with neither mailto: nor https:// or holds blanks")
        return value

    @field_validator("websub_hub")
    @classmethod
    def _hub_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or not value.isprintable()):
            raise ValueError("write the hub's absolute http or https address")
        return value

    @model_validator(mode="after")
    def _whole_mail(self) -> Self:
        if not self.smtp_host:
            return self
        if not self.smtp_from or not self.smtp_recipients:
            raise ValueError(f"{PREFIX}SMTP_HOST is set: {PREFIX}SMTP_FROM and {PREFIX}SMTP_RECIPIENTS are needed too")
        here = self.smtp_host in ("localhost", "::1") or self.smtp_host.startswith("127.")
        if self.smtp_password and self.smtp_tls == "none" and not here:
            raise ValueError(f"{PREFIX}SMTP_TLS is none: the password would travel in the clear")
        return self

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("not an IANA time zone; write for example Africa/Nairobi or Asia/Shanghai") from error
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _plain_issuer(cls, value: str, info: ValidationInfo) -> str:
        parts = urlsplit(value)
        plain = value.isprintable() and not (parts.query or parts.fragment or parts.username or " " in value)
        if value and not (parts.scheme in ("http", "https") and parts.hostname and plain):
            raise ValueError("write the provider's address as it calls itself, for example https://id.example.org")
        if parts.scheme == "http" and info.data.get("base_url", "").startswith("https://"):
            raise ValueError("a service that is reached by https asks its provider by https, too")
        return value

    @field_validator("oidc_client_id")
    @classmethod
    def _named_client(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("oidc_issuer") and not value:
            raise ValueError("needed with HUOBAN_OIDC_ISSUER: what the provider calls this service")
        return value

    @property
    def calendar(self) -> Calendar:
        """The newsroom's days, by its zone and its cut-off."""
        return Calendar(ZoneInfo(self.timezone), self.digest_at)

    @property
    def authority(self) -> str:
        """The host part of the public address, as used in tag URIs (RFC 4151)."""
        return urlsplit(self.base_url).hostname or "localhost"


def load_settings(**overrides: Any) -> Settings:
    """Read the environment once.

    Raises:
        SetupError: one line per setting that cannot be accepted, naming its variable.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [
            f"{_named(problem['loc'])}{problem['msg'].removeprefix('Value error, ')}" for problem in error.errors()
        ]
        raise SetupError("Some settings cannot be accepted.\n  " + "\n  ".join(lines)) from error


def _named(location: tuple[int | str, ...]) -> str:
    return f"{PREFIX}{str(location[0]).upper()}: " if location else ""  # a rule about several names them itself
