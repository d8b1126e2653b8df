"""The demo: a made-up company whose sales and marketing keep their own books, and a day in its life.

`company` invents it, `day` says who does what, `home` sets it up, `play` runs it; `cli.demo_story` tells it. No
vendor's format is known here: each stand-in puts its own side of the company into its own words.
"""
