import shared_code

TABLE = shared_code.TABLE
