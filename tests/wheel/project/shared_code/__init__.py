TABLE = "table.txt"
