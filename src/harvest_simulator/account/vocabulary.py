"""Vocabulary (names, tasks, notes) for generating a realistic company."""

from __future__ import annotations

from harvest_simulator.account.rows import ExternalReference

FIRST_NAMES = (
    "Amara",
    "Bruno",
    "Carla",
    "Diego",
    "Elif",
    "Farid",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Keiko",
    "Lars",
    "Mina",
    "Noah",
    "Olga",
    "Pavel",
    "Quinn",
    "Rosa",
    "Sven",
    "Tara",
    "Umut",
    "Vera",
    "Wanda",
    "Xavier",
    "Yara",
    "Zoë",
    "Aoife",
    "Björn",
    "Chloé",
    "Dmitri",
    "Esra",
    "Fiona",
    "Gael",
    "Hana",
    "Ivan",
    "Jürgen",
    "Kofi",
    "Leïla",
    "Mateo",
    "Nadia",
)
LAST_NAMES = (
    "Almeida",
    "Becker",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Greco",
    "Hansen",
    "Ibrahim",
    "Janssen",
    "Kowalski",
    "Larsen",
    "Moreau",
    "Novák",
    "O'Brien",
    "Petrov",
    "Quist",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Ueda",
    "Vargas",
    "Weber",
    "Xu",
    "Yılmaz",
    "Zhang",
    "Ångström",
    "Brâncuși",
    "Çelik",
    "Đorđević",
)
CLIENT_FIRST_WORDS = (
    "Alder",
    "Birch",
    "Cobalt",
    "Delta",
    "Ember",
    "Fjord",
    "Granite",
    "Harbour",
    "Iris",
    "Juniper",
    "Kestrel",
    "Linden",
    "Maple",
    "Nimbus",
    "Orchid",
    "Pioneer",
    "Quartz",
    "Raven",
    "Summit",
    "Tundra",
    "Umber",
    "Vertex",
    "Willow",
    "Yarrow",
    "Zephyr",
    "Aurora",
    "Beacon",
    "Cascade",
    "Drift",
    "Evergreen",
)
CLIENT_LAST_WORDS = ("Foods", "Energy", "Health", "Logistics", "Bank", "Media", "Rail", "Insurance", "Labs", "Retail")
PROJECT_WORDS = (
    "Website Relaunch",
    "Data Platform",
    "Brand Refresh",
    "Mobile App",
    "ERP Migration",
    "Customer Portal",
    "Service Design",
    "Analytics Support",
    "Cloud Move",
    "Discovery",
    "Accessibility Audit",
    "Marketing Automation",
)
ROLES = ("Designer", "Developer", "Consultant", "Project Manager", "Analyst", "Director")
# name, billable by default, default rate, added to every new project
TASKS: tuple[tuple[str, bool, str | None, bool], ...] = (
    ("Consulting", True, "160.0", True),
    ("Design", True, "120.0", True),
    ("Programming", True, "140.0", True),
    ("Project Management", True, "130.5", True),
    ("Workshops", True, None, False),
    ("Internal Meetings", False, None, True),
    ("Business Development", False, None, False),
    ("Vacation", False, None, False),
    ("Sick Leave", False, None, False),
    ("Public Holiday", False, None, False),
    ("Legacy Support", True, "95.0", False),
)
CLIENT_TASKS = ("Consulting", "Design", "Programming", "Project Management", "Workshops", "Internal Meetings")
TIME_OFF_TASKS = ("Vacation", "Sick Leave", "Public Holiday")
# name, unit, price of a unit
EXPENSE_CATEGORIES: tuple[tuple[str, str | None, str | None], ...] = (
    ("Meals", None, None),
    ("Lodging", None, None),
    ("Transportation", None, None),
    ("Mileage", "mile", "0.655"),
    ("Software", None, None),
    ("Other", None, None),
)
# The last one is archived.
ARCHIVED_EXPENSE_CATEGORY = "Entertainment"
# Rails names; one of them is newer than the documented list.
TIMEZONES = ("Eastern Time (US & Canada)", "London", "Berlin", "Kyiv", "Pacific Time (US & Canada)", "New Delhi")
JOB_TITLES = ("Head of Marketing", "CFO", "Product Owner", "Accounts Payable", None)

_LONG_NOTE = (
    "Walked through the migration plan with the client team, page by page. Open points: naming of the cost centres, "
    "who signs the acceptance protocol, and how long the old system stays readable. "
) * 14
NOTES: tuple[str | None, ...] = (
    None,
    None,
    None,
    "",
    "",
    "Wireframes for the checkout",
    "Code review and fixes",
    "Sprint planning",
    "Call with the client about scope",
    "Prepared the steering committee",
    "Fixing the import of invoices",
    "Pairing on the deployment 🚀",
    "Répondu aux questions du client – très urgent",
    'She said "ship it", so we shipped it',
    "it's done; see ticket #4821",
    "- backlog\n- estimates\n- risks",
    "line one\r\nline two\r\n\r\nline four",
    "tab\tseparated, comma, semi;colon",
    "設計レビュー",
    "👩‍💻 focus time ✅",
    "100% done \\ no escapes",
    "Data model: customers → orders",
    "Interviews with five users",
    "Set up monitoring",
    "Documentation",
    "Estimating phase 2",
    "QA on staging",
    "Support: reset the sandbox",
    "<b>not</b> HTML &amp; not SQL'; --",
    _LONG_NOTE,
)
EXPENSE_NOTES: tuple[str | None, ...] = (
    "Lunch with the client",
    "Train to the workshop",
    "",
    None,
    "Taxi 🚕",
    'Hotel "Zur Post"',
    "Licence for the prototype",
)


def external_references() -> tuple[ExternalReference, ...]:
    """Generate links to items of other tools; ids are text, even if numeric."""
    made = []
    for number in range(60):
        if number % 2:
            service, item = "trello.com", f"{number:02d}f1a9c"
            permalink = f"https://trello.com/c/{item}"
        else:
            service, item = "jira.example.com", str(10_400 + number)
            permalink = f"https://jira.example.com/browse/OPS-{number}"
        made.append(
            ExternalReference(
                id=item,
                group_id=None if number % 5 == 0 else str(700 + number % 7),
                account_id=str(99_000_000 + number),
                permalink=permalink,
                service=service,
                service_icon_url=f"https://proxy.harvestfiles.com/production/{service}.png",
            )
        )
    return tuple(made)
