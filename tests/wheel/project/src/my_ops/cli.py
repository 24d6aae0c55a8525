def main():
    print("ops")
