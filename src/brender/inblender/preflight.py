from typing import Any
def check(scene, allow): return []
def check_blocked(): pass
def color_config(): return ""
