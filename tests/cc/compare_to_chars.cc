// Compares compat/to_chars.cc, here in a namespace of its own, with libstdc++'s own std::to_chars.
//
//     compare_to_chars [NUMBERS [SEED]]

#include <charconv>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <type_traits>

namespace ours {
using std::chars_format;
using std::to_chars_result;
#define DECLARE(Value)                                                      \
  to_chars_result to_chars(char*, char*, Value) noexcept;                   \
  to_chars_result to_chars(char*, char*, Value, chars_format) noexcept;     \
  to_chars_result to_chars(char*, char*, Value, chars_format, int) noexcept
DECLARE(float);
DECLARE(double);
DECLARE(long double);
DECLARE(_Float128);
to_chars_result __to_chars_float16_t(char*, char*, float, chars_format) noexcept;
to_chars_result __to_chars_bfloat16_t(char*, char*, float, chars_format) noexcept;
}  // namespace ours

namespace {

using std::chars_format;
using uint128_t = unsigned __int128;

constexpr chars_format kForms[] = {chars_format::fixed, chars_format::scientific, chars_format::general,
                                   chars_format::hex};
constexpr size_t kRoom = 40000;
char expected_text[kRoom], found_text[kRoom];
int64_t compared = 0, numbers = 0;
int failures = 0;
std::mt19937_64 random_bits;

// A long double's last bytes are padding.
template <typename Value>
constexpr size_t kBytes = std::is_same_v<Value, long double> ? 10 : sizeof(Value);

template <typename Value>
void fail(const char* what, Value value, int form, int precision, size_t room, std::to_chars_result expected,
          std::to_chars_result found) {
  unsigned char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  std::string bits;
  for (size_t byte = kBytes<Value>; byte--;) {
    char text[3];
    std::snprintf(text, sizeof text, "%02x", bytes[byte]);
    bits += text;
  }
  const auto text = [](const char* start, std::to_chars_result result) {
    return result.ec == std::errc{} ? std::string(start, result.ptr - start).substr(0, 200) : "error";
  };
  std::printf("%s %s form %d precision %d room %zu: libstdc++ %s (%td), ours %s (%td)\n", what, bits.c_str(), form,
              precision, room, text(expected_text, expected).c_str(), expected.ptr - expected_text,
              text(found_text, found).c_str(), found.ptr - found_text);
  if (++failures >= 40) std::exit(1);
}

// Calls both with as much room as there is, then with exactly as much as it takes, and with one byte less.
template <typename Value, typename Expected, typename Found>
void compare(const char* what, Value value, int form, int precision, Expected&& expected, Found&& found) {
  const auto same = [&](size_t room) {
    const std::to_chars_result one = expected(expected_text, expected_text + room);
    found_text[room] = '~';
    const std::to_chars_result other = found(found_text, found_text + room);
    ++compared;
    if (one.ec != other.ec || one.ptr - expected_text != other.ptr - found_text || found_text[room] != '~' ||
        (one.ec == std::errc{} && std::memcmp(expected_text, found_text, one.ptr - expected_text))) {
      fail(what, value, form, precision, room, one, other);
    }
    return one;
  };
  const std::to_chars_result whole = same(kRoom - 1);
  if (whole.ec != std::errc{}) return;
  const size_t length = whole.ptr - expected_text;
  same(length - 1);
  if (numbers % 8 == 0) same(length);
  if (numbers % 64 == 0) same(0);
}

template <typename Value>
void shortest(const char* what, Value value) {
  compare(
      what, value, -1, -1, [&](char* first, char* last) { return std::to_chars(first, last, value); },
      [&](char* first, char* last) { return ours::to_chars(first, last, value); });
  // One form, for the sake of time.
  const chars_format form = kForms[random_bits() % 4];
  compare(
      what, value, static_cast<int>(form), -1,
      [&](char* first, char* last) { return std::to_chars(first, last, value, form); },
      [&](char* first, char* last) { return ours::to_chars(first, last, value, form); });
}

template <typename Value>
void precise(const char* what, Value value, chars_format form, int precision) {
  compare(
      what, value, static_cast<int>(form), precision,
      [&](char* first, char* last) { return std::to_chars(first, last, value, form, precision); },
      [&](char* first, char* last) { return ours::to_chars(first, last, value, form, precision); });
}

template <int fraction_bits, int exponent_bits>
struct Fields {
  static constexpr int fraction = fraction_bits, exponent = exponent_bits;
};
template <typename Value>
struct Layout;
template <>
struct Layout<float> : Fields<23, 8> {
  static constexpr const char* name = "float";
};
template <>
struct Layout<double> : Fields<52, 11> {
  static constexpr const char* name = "double";
};
template <>
struct Layout<long double> : Fields<63, 15> {
  static constexpr const char* name = "long double";
};
template <>
struct Layout<_Float128> : Fields<112, 15> {
  static constexpr const char* name = "_Float128";
};

template <typename Value>
Value from_bits(uint128_t bits) {
  Value value{};
  std::memcpy(&value, &bits, kBytes<Value>);
  return value;
}

template <typename Value>
Value make(uint128_t fraction, unsigned exponent, bool negative) {
  using Of = Layout<Value>;
  constexpr bool stored = std::is_same_v<Value, long double>;
  fraction &= (uint128_t{1} << Of::fraction) - 1;
  exponent &= (1u << Of::exponent) - 1;
  const uint128_t top = exponent | static_cast<unsigned>(negative) << Of::exponent;
  uint128_t bits = fraction | top << (Of::fraction + stored);
  if (stored && exponent) bits |= uint128_t{1} << Of::fraction;
  return from_bits<Value>(bits);
}

// The ends of the larger types' range take milliseconds a number: mostly about one, but all the same anywhere.
template <typename Value>
unsigned any_exponent() {
  using Of = Layout<Value>;
  const bool near = Of::exponent > 11 && random_bits() % 64;
  return near ? (1u << (Of::exponent - 1)) + random_bits() % 512 - 256 : random_bits();
}

uint128_t wide() { return uint128_t{random_bits()} << 64 | random_bits(); }

template <typename Value>
Value pick() {
  using Of = Layout<Value>;
  constexpr unsigned bias = (1u << (Of::exponent - 1)) - 1;
  const bool negative = random_bits() & 1;
  uint128_t fraction = wide();
  // A few bits, at the top, the bottom or both; or ones with a few bits changed.
  const auto sparse = [&] {
    fraction = (uint128_t{random_bits() & 0xff} << (Of::fraction - 8)) >> random_bits() % Of::fraction;
    if (random_bits() & 1) fraction = ~fraction;
    return fraction;
  };
  switch (random_bits() % 12) {
    case 0:  // subnormal
      if (Of::exponent > 11 && random_bits() % 16) return make<Value>(fraction, any_exponent<Value>(), negative);
      return make<Value>(fraction >> (128 - Of::fraction) >> random_bits() % Of::fraction, 0, negative);
    case 1:  // powers of two and neighbours
      return make<Value>(static_cast<int>(random_bits() % 5) - 2, any_exponent<Value>(), negative);
    case 2:
      return make<Value>(sparse(), any_exponent<Value>(), negative);
    case 3:
      return make<Value>(sparse(), bias + random_bits() % 160 - 40, negative);
    case 4: {  // short decimals
      const Value value = static_cast<Value>(random_bits() >> random_bits() % 64);
      Value power = 1;
      for (uint64_t digit = random_bits() % 24; digit; --digit) power *= 10;
      return random_bits() & 1 ? value / power : value * power;
    }
    case 5:  // integers and halves
      return static_cast<Value>(static_cast<int64_t>(random_bits()) >> random_bits() % 64) /
             (random_bits() & 1 ? 2 : 1);
    case 6:
    case 7:
    case 8:  // about one, as most numbers are; for the larger types, where whole numbers turn coarse
      return make<Value>(fraction, bias + random_bits() % 160 - 40, negative);
    default:
      return make<Value>(fraction, any_exponent<Value>(), negative);
  }
}

template <typename Value>
void number(Value value) {
  using Of = Layout<Value>;
  ++numbers;
  shortest(Of::name, value);
  const chars_format form = kForms[random_bits() % 4];
  precise(Of::name, value, form, static_cast<int>(random_bits() % 42) - 1);
  precise(Of::name, value, kForms[random_bits() % 3], static_cast<int>(random_bits() % 24));
  if (numbers % 16 == 0) precise(Of::name, value, kForms[random_bits() % 4], static_cast<int>(random_bits() % 1300));
}

// Every precision and more; of the larger types' at the ends of their range, fewer.
template <typename Value>
void thorough(Value value, bool quick) {
  for (const Value signed_value : {value, -value}) {
    number(signed_value);
    for (const chars_format form : kForms) {
      for (int precision = -1; precision <= 40; precision += quick ? 19 : 1) {
        precise(Layout<Value>::name, signed_value, form, precision);
      }
      for (const int precision : {INT_MIN, 100, 324, 767, 1074, 1100, 4933, 11600, 16500, 17000}) {
        if (!quick || random_bits() % 8 == 0) precise(Layout<Value>::name, signed_value, form, precision);
      }
      // libstdc++ adds the length of zero up in an int.
      if (value != 0) precise(Layout<Value>::name, signed_value, form, INT_MAX - 30000);
    }
  }
}

template <typename Value>
void landmarks(int step) {
  using Of = Layout<Value>;
  constexpr unsigned most = (1u << Of::exponent) - 1;
  constexpr bool large = most > 2047;
  constexpr uint128_t ones = (uint128_t{1} << Of::fraction) - 1;
  for (const unsigned exponent : {0u, 1u, 2u, most / 2 - 4, most / 2 - 1, most / 2, most / 2 + 1, most / 2 + 10,
                                  most / 2 + Of::fraction, most / 2 + Of::fraction + 1, most - 1, most}) {
    for (const uint128_t fraction : {uint128_t{0}, uint128_t{1}, ones / 2, ones / 2 + 1, ones - 1, ones}) {
      thorough(make<Value>(fraction, exponent, false), large && (exponent < 3 || exponent == most - 1));
    }
  }
  for (int integer = 0; integer < 40; ++integer) {
    thorough(static_cast<Value>(integer), false);
    thorough(static_cast<Value>(integer) / 8, false);
  }
  for (int integer = 0; integer < 2000; integer += step) {
    number(static_cast<Value>(integer));
    number(static_cast<Value>(integer) / 100);
  }
  // Powers of two, and with neighbours.
  for (unsigned exponent = 0; exponent < most; exponent += 1 + (large ? random_bits() % (32 * step) : 0)) {
    number(make<Value>(0, exponent, false));
    number(make<Value>(1, exponent, false));
    number(make<Value>(ones, exponent, false));
  }
  // Powers of ten, as near as they come, and neighbours.
  for (int exponent = -30; exponent < 50; ++exponent) {
    Value power = 1;
    for (int digit = 0; digit < std::abs(exponent); ++digit) power = exponent < 0 ? power / 10 : power * 10;
    uint128_t bits = 0;
    std::memcpy(&bits, &power, kBytes<Value>);
    for (int off = -1; off <= 1; ++off) {
      const Value value = from_bits<Value>(bits + off);
      if (value - value == 0) number(value);
    }
  }
}

// All of the two short formats, which come as float.
void short_formats(int step) {
  for (unsigned bits = 0; bits < 0x10000; bits += step) {
    const float brain = from_bits<float>(bits << 16);
    const float as_float = from_bits<_Float16>(bits);
    ++numbers;
    for (const chars_format form : {chars_format{}, kForms[0], kForms[1], kForms[2], kForms[3]}) {
      compare(
          "bfloat16", brain, static_cast<int>(form), -1,
          [&](char* first, char* last) { return std::__to_chars_bfloat16_t(first, last, brain, form); },
          [&](char* first, char* last) { return ours::__to_chars_bfloat16_t(first, last, brain, form); });
      compare(
          "float16", as_float, static_cast<int>(form), -1,
          [&](char* first, char* last) { return std::__to_chars_float16_t(first, last, as_float, form); },
          [&](char* first, char* last) { return ours::__to_chars_float16_t(first, last, as_float, form); });
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t wanted = argc > 1 ? std::atoll(argv[1]) : 200000;
  random_bits.seed(argc > 2 ? std::strtoull(argv[2], nullptr, 0) : 20);
  landmarks<float>(5);
  landmarks<double>(5);
  landmarks<long double>(40);
  landmarks<_Float128>(40);
  short_formats(wanted > 200000 ? 1 : 7);
  while (numbers < wanted) {
    // The larger types take longer at the ends of their range, in libstdc++ too.
    number(pick<float>());
    number(pick<double>());
    number(pick<float>());
    number(pick<double>());
    if (numbers % 3 == 0) number(pick<long double>());
    if (numbers % 6 == 0) number(pick<_Float128>());
  }
  std::printf("%lld numbers, %lld texts compared, %d differ\n", static_cast<long long>(numbers),
              static_cast<long long>(compared), failures);
  return failures != 0;
}
