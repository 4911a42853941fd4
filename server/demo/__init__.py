"""The demo: a district of invented people with two years of invented records, all marked «dữ liệu mẫu».

``python3 sen.py demo`` builds it once below ``var/demo`` and serves it on this machine alone. Nothing is written past the real ways:
communes type into tablets of their own, processes that exchange with the real server over HTTP; bodies of the district and the
district itself write through what the console's pages call. Chapters of ``story.yaml`` say who did what when; ``draw`` invents the
rest from ``records*.yaml`` with one seed, so that two demos tell the same story.
"""
