// Writes one byte behind its memory.
int main(int argc, char**) {
  volatile char* bytes = new char[8];
  bytes[7 + argc] = 1;
}
