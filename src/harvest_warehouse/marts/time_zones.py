"""Map Harvest's time zones (Ruby on Rails names) to IANA zones.

https://api.rubyonrails.org/classes/ActiveSupport/TimeZone.html
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from zoneinfo import ZoneInfo, available_timezones

# Names other than the city of an IANA zone ("Berlin" of Europe/Berlin).
_NAMED = MappingProxyType(
    {
        "International Date Line West": "Pacific/Midway",
        "Midway Island": "Pacific/Midway",
        "American Samoa": "Pacific/Pago_Pago",
        "Hawaii": "Pacific/Honolulu",
        "Alaska": "America/Juneau",
        "Pacific Time (US & Canada)": "America/Los_Angeles",
        "Arizona": "America/Phoenix",
        "Mountain Time (US & Canada)": "America/Denver",
        "Central America": "America/Guatemala",
        "Central Time (US & Canada)": "America/Chicago",
        "Guadalajara": "America/Mexico_City",
        "Saskatchewan": "America/Regina",
        "Quito": "America/Lima",
        "Eastern Time (US & Canada)": "America/New_York",
        "Indiana (East)": "America/Indiana/Indianapolis",
        "Atlantic Time (Canada)": "America/Halifax",
        "Georgetown": "America/Guyana",
        "Newfoundland": "America/St_Johns",
        "Brasilia": "America/Sao_Paulo",
        "Greenland": "America/Godthab",
        "Mid-Atlantic": "Atlantic/South_Georgia",
        "Cape Verde Is.": "Atlantic/Cape_Verde",
        "Edinburgh": "Europe/London",
        "Bern": "Europe/Zurich",
        "West Central Africa": "Africa/Algiers",
        "Kyiv": "Europe/Kiev",
        "Harare": "Africa/Harare",
        "Pretoria": "Africa/Johannesburg",
        "St. Petersburg": "Europe/Moscow",
        "Abu Dhabi": "Asia/Muscat",
        "Ekaterinburg": "Asia/Yekaterinburg",
        "Islamabad": "Asia/Karachi",
        "Astana": "Asia/Almaty",
        "Chennai": "Asia/Kolkata",
        "Mumbai": "Asia/Kolkata",
        "New Delhi": "Asia/Kolkata",
        "Sri Jayawardenepura": "Asia/Colombo",
        "Hanoi": "Asia/Bangkok",
        "Beijing": "Asia/Shanghai",
        "Osaka": "Asia/Tokyo",
        "Sapporo": "Asia/Tokyo",
        "Canberra": "Australia/Canberra",
        "Solomon Is.": "Pacific/Guadalcanal",
        "New Caledonia": "Pacific/Noumea",
        "Marshall Is.": "Pacific/Majuro",
        "Wellington": "Pacific/Auckland",
        "Nuku'alofa": "Pacific/Tongatapu",
        "Samoa": "Pacific/Apia",
        "Tokelau Is.": "Pacific/Fakaofo",
        "Chatham Is.": "Pacific/Chatham",
    }
)


def zone(name: str | None) -> ZoneInfo | None:
    """Look up a time zone by Harvest's name or its IANA name; None if unknown."""
    if not name:
        return None
    found = _NAMED.get(name) or (name if name in available_timezones() else _by_city().get(name))
    return ZoneInfo(found) if found in available_timezones() else None


@cache
def _by_city() -> dict[str, str]:
    """IANA names by city, as Harvest spells it; sorted first, so that the result is deterministic."""
    return {
        full.rsplit("/", 1)[1].replace("_", " "): full
        for full in sorted(available_timezones(), reverse=True)
        if "/" in full and not full.startswith(("Etc/", "posix/", "right/"))
    }
