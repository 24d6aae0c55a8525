// Writes one byte past the end of an allocation.
int main(int argc, char**) {
  volatile char* bytes = new char[8];
  bytes[7 + argc] = 1;
}
