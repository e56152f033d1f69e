"""Pages: typeset ones whose formulas are known, and the finder of formulas on any page."""
