"""Thin adapters to host applications; `xps_stn_plugin` itself imports none of them."""
