// Adds one to the largest int.
int main(int argc, char**) {
  volatile int number = 2147483647;
  number = number + argc;
}
