"""A city's list of units, as its file has it and as it is read."""

from __future__ import annotations

import yaml

from linkage.units import Units

LIST = """\
units:
  # 一级联动单位
  - id: water
    name: 供水公司
    tier: first
    service: 停水、漏水、水质
    area: 城区
    limit_minutes: 20
    duty_phone: "96116"
    target: "96116"
    leader: {name: 张主任, phone: "13800138001"}
    liaison: {name: 李科长, phone: "13800138002"}
    roster:
      - {days: worked, since: "17:30", until: "08:00", name: 夜班, phone: "13800138003"}
      - since: "17:30"
        until: "08:00"
        days: free
        name: 周末班
        phone: "13800138004"
      - {day: 2026-10-01, since: "08:00", until: "08:00", name: 国庆班, phone: "13800138005"}


  # 二级联动单位
  - id: heating
    name: 供热公司
    tier: second
    service: 不热、漏水
    area: 全市
    duty_phone: 0478-1234567
    leader: {name: 王经理, phone: "13800138006"}
    liaison: {name: 赵联络, phone: "13800138007"}
"""
WATER, HEATING = Units.model_validate(yaml.load(LIST, yaml.BaseLoader)).units
