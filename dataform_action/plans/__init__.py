"""What a commit changes in the warehouse: compare two compilations, and check the SQL.

Pure, but for the ports that it is given (``ports``). Only the plan job imports this room.
"""
