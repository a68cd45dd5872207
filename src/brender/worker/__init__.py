# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent on a render machine: it takes orders from the manager, and renders them in a warm Blender."""
