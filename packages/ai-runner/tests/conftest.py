# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a simulated device behind a real TCP port."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from simulated_device import SimulatedDevice, digits_model


@pytest.fixture
def serve():
    """Start simulated devices; all of them end with the test."""
    devices = []

    def start(*models, **settings):
        device = SimulatedDevice(models or (digits_model(),), **settings)
        device.start()
        devices.append(device)
        return device

    yield start
    for device in devices:
        device.stop()
