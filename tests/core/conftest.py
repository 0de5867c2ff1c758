"""How hypothesis runs here: no deadlines (a busy machine is no bug), and a thorough profile for the patient."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "core", deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("core-thorough", settings.get_profile("core"), max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "core"))
