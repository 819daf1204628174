"""Doctor: check what the token sees, what a load will cost, and whether the database permits it; changes nothing."""

from __future__ import annotations

from harvest_warehouse.doctor.doctor import Check, DoctorReport, doctor

__all__ = ["Check", "DoctorReport", "doctor"]
