"""The way to Asterisk's manager interface (AMI): panoramisk, made safe.

``client`` is one link, ``link`` keeps one up; inside: ``frames`` (pure), ``protocol`` (panoramisk subclassed).
"""
