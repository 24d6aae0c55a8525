// Adds one to the greatest int.
int main(int argc, char**) {
  volatile int number = 2147483647;
  number = number + argc;
}
