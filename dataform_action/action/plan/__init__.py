"""The plan job: its inputs and settings, the two commits, the plan, and the comment.

``job`` connects them. Only the plan's entry point and the command line import this room.
"""
