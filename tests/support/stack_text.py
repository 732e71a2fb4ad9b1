"""Texts that specs of tests share."""

from __future__ import annotations

PASSWORD = "Canary-7q!Xw9Zt"
"""A password that the API accepts and that does not occur anywhere by chance."""

DEFAULTS = """\
defaults:
  flavor: Si2.large.4
  image_id: c90fb553-2cdb-4b81-b56a-ef68812c6cf7
  key_pair_name: ops
  network:
    vpc_id: 05982b48-a70f-43a1-a2b0-1fe36a236172
    subnet_id: 38cf274a-98f9-4f6f-b622-5ed0e4a3db54
    security_group_id: 150a2c76-1334-45f6-b28f-419f9b1d1742
"""
