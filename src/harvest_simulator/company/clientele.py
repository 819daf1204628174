"""Generate clients and their contacts."""

from __future__ import annotations

from datetime import date
from random import Random

from harvest_simulator.account import vocabulary
from harvest_simulator.account.rows import Client, Contact
from harvest_simulator.account.tables import Tables
from harvest_simulator.account.workdays import seconds_at

# The home currency occurs more often than others.
CURRENCIES = ("CAD", "USD", "EUR", "GBP", "CAD", "USD", "CAD", "EUR")


def add_client(tables: Tables, rng: Random, number: int, name: str, currency: str, created_on: date) -> Client:
    """Add a client without contacts and projects."""
    at = seconds_at(created_on, 8, rng.randrange(60), rng.randrange(60))
    client = Client(
        id=tables.take_id("client"),
        name=name,
        currency=currency,
        is_active=True,
        address=None if number % 3 == 0 else f"{number} Main Street\r\nSuite {number % 9}\r\nSpringfield",
        statement_key=f"{rng.getrandbits(128):032x}",
        created_at=at,
        updated_at=at,
    )
    tables.clients[client.id] = client
    return client


def next_client(tables: Tables, rng: Random, number: int, created_on: date) -> Client:
    """Add the client of that number, with one or two contacts."""
    first = vocabulary.CLIENT_FIRST_WORDS[(number * 7) % len(vocabulary.CLIENT_FIRST_WORDS)]
    name = f"{first} {vocabulary.CLIENT_LAST_WORDS[(number * 3 + number // 30) % 10]}"
    currency = CURRENCIES[(number - 1) % len(CURRENCIES)]
    client = add_client(tables, rng, number, name, currency, created_on)
    for position in range(1 + number % 2):
        contact_first = vocabulary.FIRST_NAMES[rng.randrange(len(vocabulary.FIRST_NAMES))]
        at = client.created_at + 600 * (position + 1)
        contact = Contact(
            id=tables.take_id("contact"),
            client_id=client.id,
            first_name=contact_first,
            last_name=vocabulary.LAST_NAMES[rng.randrange(len(vocabulary.LAST_NAMES))] if number % 7 else "",
            email=f"contact{number}.{position}@{first.lower()}.example" if number % 11 else "",
            title=vocabulary.JOB_TITLES[(number + position) % len(vocabulary.JOB_TITLES)],
            phone_office="" if number % 2 else "+44 20 7946 0000",
            phone_mobile="",
            fax="",
            invoice_recipient_status=("recipient", "cc", "none")[(number + position) % 3],
            created_at=at,
            updated_at=at,
        )
        tables.contacts[contact.id] = contact
        # A new contact moves its client's updated_at.
        client.updated_at = at
    return client
