// std::to_chars for floating-point numbers without tables, for the feature small_float_to_chars.
//
// Any std::format links these functions, and in libstdc++.a Ryu's tables with them: 190 kB that hardly compress. Here
// a number is multiplied out to all of its decimal digits, with integers alone: no locale and no rounding mode has a
// say, and nothing is allocated but stack, 27 kB of it for the smallest of _Float128. The text is libstdc++'s to
// the last byte, in its oddities too (`Format::generic`); tests/cc/compare_to_chars.cc compares the two.
//
// All that libstdc++'s own member defines is here. A name that were missing would bring the member in, and with it a
// second definition of each of the others.

#include <charconv>
#include <cstdint>
#include <cstring>
#include <system_error>

#ifndef TO_CHARS_NAMESPACE
#define TO_CHARS_NAMESPACE std
#endif

// Inlined into each of its callers, what they share would be a quarter larger.
#define SHARED [[gnu::noinline]]

namespace {

using std::chars_format;
using std::to_chars_result;
using uint128_t = unsigned __int128;

struct Format {
  int fraction_bits;  // those below the leading bit
  int exponent_bits;
  bool explicit_bit;  // the leading bit is stored, as in the x87's format
  bool generic;       // libstdc++ takes Ryu's general form, which differs from those for float and double
};

constexpr Format kFloat16{10, 5, false, true};
constexpr Format kBfloat16{7, 8, false, true};
constexpr Format kFloat{23, 8, false, false};
constexpr Format kDouble{52, 11, false, false};
constexpr Format kLongDouble{63, 15, true, true};
constexpr Format kFloat128{112, 15, false, true};

enum class Kind { kFinite, kZero, kInfinite, kNan };

// mantissa * 2^exponent
struct Number {
  uint128_t mantissa;
  int exponent;
  bool negative;
  bool nearer_below;  // the next smaller number is half as far as the next larger
  Kind kind;
};

SHARED Number split(uint128_t bits, const Format& format) {
  const int width = format.fraction_bits + format.explicit_bit;
  const int largest = (1 << format.exponent_bits) - 1;
  const uint128_t leading = uint128_t{1} << format.fraction_bits;
  const int exponent = static_cast<int>(bits >> width) & largest;
  Number number{};
  number.mantissa = bits & ((uint128_t{1} << width) - 1);
  number.negative = bits >> (width + format.exponent_bits) & 1;
  number.exponent = (exponent ? exponent : 1) - (largest >> 1) - format.fraction_bits;
  if (exponent && !format.explicit_bit) number.mantissa |= leading;
  number.nearer_below = number.mantissa == leading && exponent > (format.generic ? 0 : 1);
  if (exponent == largest && number.mantissa == leading) {
    number.kind = Kind::kInfinite;
  } else if (exponent == largest || (exponent && number.mantissa < leading)) {
    // The latter have no meaning since the 80387.
    number.kind = Kind::kNan;
  } else if (!number.mantissa) {
    number.kind = Kind::kZero;
  }
  return number;
}

// The limbs of large integers. Ten to the 19th has its highest bit set, as the division below wants it.
constexpr int kDigits = 19;
constexpr uint64_t kBase = 10'000'000'000'000'000'000u;
constexpr uint64_t kReciprocal = static_cast<uint64_t>(~uint128_t{0} / kBase);

// Divides by kBase what is below kBase * 2^64 (Möller and Granlund, "Improved division by invariant integers").
uint64_t divide(uint128_t dividend, uint64_t& remainder) {
  const uint64_t low = static_cast<uint64_t>(dividend);
  const uint128_t estimate = (dividend >> 64) * kReciprocal + dividend;
  uint64_t quotient = static_cast<uint64_t>(estimate >> 64) + 1;
  remainder = low - quotient * kBase;
  if (remainder > static_cast<uint64_t>(estimate)) {
    --quotient;
    remainder += kBase;
  }
  if (remainder >= kBase) {
    ++quotient;
    remainder -= kBase;
  }
  return quotient;
}

// Mantissas times 2^exponent, in full. A negative power of two is one of five with the decimal point moved.
class Expansion {
 public:
  explicit Expansion(int exponent)
      : fraction_(exponent < 0 ? -exponent : 0),
        power_(exponent < 0 ? -exponent : exponent),
        base_(exponent < 0 ? 5 : 2),
        step_(exponent < 0 ? 27 : 63),
        factor_(exponent < 0 ? 7'450'580'596'923'828'125u : uint64_t{1} << 63) {}

  int most_limbs() const { return power_ / step_ + 4; }
  // One more in front, for the carry of a rounding.
  int most_characters() const { return most_limbs() * kDigits + 1; }

  SHARED void power(uint64_t* limbs) {
    *limbs = 1;
    limbs_ = 1;
    for (int left = power_; left > 0; left -= step_) {
      uint64_t factor = factor_;
      if (left < step_) {
        factor = 1;
        for (int count = 0; count < left; ++count) factor *= base_;
      }
      uint64_t carry = 0;
      for (int limb = 0; limb < limbs_; ++limb) carry = divide(uint128_t{limbs[limb]} * factor + carry, limbs[limb]);
      if (carry) limbs[limbs_++] = carry;
    }
  }

  // `product` has two limbs more and may be the power itself.
  SHARED void multiply(const uint64_t* power, uint128_t mantissa, uint64_t* product) const {
    uint64_t low;
    const uint64_t high = divide(mantissa, low);
    uint64_t carry = 0, before = 0;
    for (int limb = 0; limb < limbs_ + 2; ++limb) {
      const uint64_t here = limb < limbs_ ? power[limb] : 0;
      carry = divide(uint128_t{here} * low + uint128_t{before} * high + carry, product[limb]);
      before = here;
    }
  }

  // From here on the size is that of the largest product.
  void trim(const uint64_t* product) {
    limbs_ += 2;
    while (!product[limbs_ - 1]) --limbs_;
  }

  // Down to the limb `lowest`.
  SHARED void print(const uint64_t* limbs, int lowest, char* digits) const {
    for (int limb = lowest; limb < limbs_; ++limb) {
      uint64_t value = limbs[limb];
      char* const start = digits + (limbs_ - 1 - limb) * kDigits;
      for (int digit = kDigits; digit--; value /= 10) start[digit] = static_cast<char>('0' + value % 10);
    }
  }

  int limbs() const { return limbs_; }
  int size() const { return limbs_ * kDigits; }
  // The decimal exponent of the digit at `place`.
  int exponent(int place) const { return size() - 1 - fraction_ - place; }

 private:
  int fraction_;  // digits behind the decimal point
  int power_;
  unsigned base_;
  int step_;  // the largest power of the base below kBase, which adds no more than one limb
  uint64_t factor_;
  int limbs_ = 0;
};

// A decimal number: its first digit is worth 10^exponent; all beyond the `count` digits are zeros.
struct Decimal {
  char* digits;
  int64_t count;
  int exponent;
};

int leading_zeros(const char* digits) {
  int zeros = 0;
  while (digits[zeros] == '0') ++zeros;
  return zeros;
}

bool all_zeros(const char* digits, int64_t count) {
  for (; count > 0; --count) {
    if (*digits++ != '0') return false;
  }
  return true;
}

// Keeps `count` digits, plus one in the last place if `up`. There is room for one digit ahead of them.
void cut(Decimal& decimal, int64_t count, bool up) {
  decimal.count = count;
  if (!up) return;
  decimal.digits[-1] = '0';
  char* digit = decimal.digits + count - 1;
  while (*digit == '9') *digit-- = '0';
  ++*digit;
  if (digit < decimal.digits) {
    --decimal.digits;
    ++decimal.count;
    ++decimal.exponent;
  }
}

// To the nearest, of two equally near ones to the even.
SHARED void round(Decimal& decimal, int64_t count) {
  if (count >= decimal.count) return;
  if (count < 0) {
    decimal.count = 0;
    return;
  }
  const char* const rest = decimal.digits + count;
  const bool odd = count && (rest[-1] & 1);
  const bool up = *rest > '5' || (*rest == '5' && (odd || !all_zeros(rest + 1, decimal.count - count - 1)));
  cut(decimal, count, up);
}

// What stands behind the digits: the mark e or p and an exponent of at least so many digits; nothing without a mark.
struct Suffix {
  char mark;
  int exponent;
  int least_digits;
};

SHARED to_chars_result write(char* first, char* last, bool negative, const Decimal& decimal, int64_t fraction,
                             Suffix suffix) {
  if (fraction < 0) fraction = 0;
  // The first digit's place: a fixed number below one has zeros ahead of its digits, the first of them worth one.
  const int64_t start = !suffix.mark && decimal.exponent < 0 ? decimal.exponent : 0;
  const int64_t whole = !suffix.mark && decimal.exponent > 0 ? decimal.exponent + 1 : 1;
  char end[8];
  int end_size = 0;
  if (suffix.mark) {
    char digits[5];
    int size = 0;
    int rest = suffix.exponent < 0 ? -suffix.exponent : suffix.exponent;
    for (; rest || size < suffix.least_digits; rest /= 10) {
      digits[size++] = static_cast<char>('0' + rest % 10);
    }
    end[end_size++] = suffix.mark;
    end[end_size++] = suffix.exponent < 0 ? '-' : '+';
    while (size) end[end_size++] = digits[--size];
  }
  if (last - first < negative + whole + (fraction > 0) + fraction + end_size) return {last, std::errc::value_too_large};

  const auto put = [&](int64_t place, int64_t count) {
    const int64_t before = place >= 0 ? 0 : count < -place ? count : -place;
    std::memset(first, '0', before);
    first += before;
    place += before;
    count -= before;
    const int64_t there = decimal.count <= place ? 0 : count < decimal.count - place ? count : decimal.count - place;
    std::memcpy(first, decimal.digits + (there ? place : 0), there);
    std::memset(first + there, '0', count - there);
    first += count;
  };
  if (negative) *first++ = '-';
  put(start, whole);
  if (fraction > 0) {
    *first++ = '.';
    put(start + whole, fraction);
  }
  std::memcpy(first, end, end_size);
  return {first + end_size, std::errc{}};
}

SHARED to_chars_result write_special(char* first, char* last, const Number& number, chars_format form, int precision) {
  char text[] = "000";
  Decimal decimal{text, 3, 2};
  if (number.kind != Kind::kZero) {
    std::memcpy(text, number.kind == Kind::kNan ? "nan" : "inf", 3);
    return write(first, last, number.negative, decimal, 0, {});
  }
  decimal = {text, 1, 0};
  if (form == chars_format::hex) return write(first, last, number.negative, decimal, precision, {'p', 0, 1});
  if (form == chars_format::scientific) return write(first, last, number.negative, decimal, precision, {'e', 0, 2});
  return write(first, last, number.negative, decimal, form == chars_format::fixed ? precision : 0, {});
}

// Below zero, `precision` is as much as it takes.
SHARED to_chars_result write_hex(char* first, char* last, uint128_t bits, const Format& format, int precision) {
  Number number = split(bits, format);
  if (number.kind != Kind::kFinite) {
    return write_special(first, last, number, chars_format::hex, precision < 0 ? 0 : precision);
  }
  if (precision < 0) {
    // Subnormal numbers get a leading bit, too.
    for (; !(number.mantissa >> format.fraction_bits); number.mantissa <<= 1) --number.exponent;
  }
  // The digit ahead of the point is the leading bit alone or, where that one is stored, the first four bits.
  const int most = format.explicit_bit ? 15 : (format.fraction_bits + 3) / 4;
  uint128_t mantissa = format.explicit_bit ? number.mantissa : number.mantissa << (4 * most - format.fraction_bits);
  int exponent = number.exponent + (format.explicit_bit ? 4 * most : format.fraction_bits);
  if (precision < 0) {
    const uint64_t low = static_cast<uint64_t>(mantissa);
    precision = most - (low ? __builtin_ctzll(low) : 64 + __builtin_ctzll(static_cast<uint64_t>(mantissa >> 64))) / 4;
  }
  if (precision < most) {
    const int dropped = 4 * (most - precision);
    const uint128_t half = uint128_t{1} << (dropped - 1);
    const uint128_t odd = mantissa >> dropped & 1;
    mantissa = (mantissa + (half - 1) + odd) >> dropped << dropped;
    if (mantissa >> (4 * most) == 16) {
      mantissa >>= 4;
      exponent += 4;
    }
  }
  char digits[32];
  const int count = 1 + (precision < most ? precision : most);
  mantissa <<= 124 - 4 * most;
  for (int digit = 0; digit < count; ++digit, mantissa <<= 4) {
    digits[digit] = "0123456789abcdef"[static_cast<int>(mantissa >> 124)];
  }
  return write(first, last, number.negative, {digits, count, 0}, precision, {'p', exponent, 1});
}

// Ryu's general form takes a number for halfway between two when all of its digits but one in a certain place say so,
// and none when that place is not there; `place` 0 is worth one.
bool generic_halfway(const char* digits, int64_t count, uint128_t mantissa, int exponent) {
  // The floor of exponent * log10(2), less one: the places that the algorithm starts without.
  const int64_t places = (exponent * 169464822037455 >> 49) - (exponent > 3);
  // 2^64 is one more than a multiple of five.
  if (!places || (static_cast<uint64_t>(mantissa) % 5 + static_cast<uint64_t>(mantissa >> 64) % 5) % 5) return false;
  for (int64_t digit = 1; digit < count; ++digit) {
    if (digits[digit] != '0' && count - 1 - digit != places - 1) return false;
  }
  return true;
}

SHARED to_chars_result write_shortest(char* first, char* last, uint128_t bits, const Format& format,
                                      chars_format form) {
  if (form == chars_format::hex) return write_hex(first, last, bits, format, -1);
  const Number number = split(bits, format);
  if (number.kind != Kind::kFinite) return write_special(first, last, number, form, 0);

  // The number, and between which two others a text is read as this one: halfway to the next, and these too when the
  // mantissa is even.
  const uint128_t mantissa = 4 * number.mantissa;
  const int exponent = number.exponent - 2;
  const bool closed = !(number.mantissa & 1);
  Expansion expansion(exponent);
  uint64_t limbs[3][expansion.most_limbs()];
  expansion.power(limbs[1]);
  expansion.multiply(limbs[1], mantissa - (number.nearer_below ? 1 : 2), limbs[0]);
  expansion.multiply(limbs[1], mantissa + 2, limbs[2]);
  expansion.multiply(limbs[1], mantissa, limbs[1]);
  expansion.trim(limbs[2]);
  if (!closed) {
    uint64_t* limb = limbs[2];
    for (; !*limb; ++limb) *limb = kBase - 1;
    --*limb;
  }
  // Of the ends, the digits down to where they differ, which is 36 behind the first at most.
  int lowest = expansion.limbs() - 1;
  while (limbs[0][lowest] == limbs[2][lowest]) --lowest;
  char ends[2][1 + 4 * kDigits];
  char* const low = ends[0] + 1;
  char* const high = ends[1] + 1;
  expansion.print(limbs[0], lowest, low);
  expansion.print(limbs[2], lowest, high);
  char characters[expansion.most_characters()];
  char* const exact = characters + 1;
  expansion.print(limbs[1], 0, exact);

  // As few digits as tell the ends apart; fewer, if the lower end itself may be taken and ends in zeros.
  int end = 0;
  while (low[end] == high[end]) ++end;
  ++end;
  bool take_low = closed && all_zeros(low + end, (expansion.limbs() - lowest) * kDigits - end);
  for (int limb = 0; take_low && limb < lowest; ++limb) take_low = !limbs[0][limb];
  while (take_low && low[end - 1] == '0') --end;
  const int64_t rest = expansion.size() - end;
  bool up = !take_low && !std::memcmp(exact, low, end);
  if (rest && exact[end] >= '5') {
    const bool odd = exact[end - 1] & 1;
    const bool halfway = exact[end] == '5' && (format.generic && exponent >= 0
                                                   ? generic_halfway(exact + end, rest, mantissa, exponent)
                                                   : all_zeros(exact + end + 1, rest - 1));
    up |= odd || !halfway;
  }

  const int start = leading_zeros(exact);
  Decimal decimal{low, 0, 0};
  if (start < end) {
    std::memcpy(low, exact + start, end - start);
    decimal.exponent = expansion.exponent(start);
    cut(decimal, end - start, up);
  } else {
    // Nothing is left but what is carried.
    *low = '1';
    decimal = {low, 1, expansion.exponent(end - 1)};
  }

  const int last_exponent = decimal.exponent - static_cast<int>(decimal.count) + 1;
  bool fixed = form == chars_format::fixed;
  if (form == chars_format::general) {
    fixed = decimal.exponent >= -4 && decimal.exponent < 6;
  } else if (form == chars_format{}) {
    // Whichever is shorter.
    const int count = static_cast<int>(decimal.count);
    fixed = last_exponent >= -(count + 3) + (count == 1) && last_exponent <= 5 - (count == 1);
  }
  if (!fixed) return write(first, last, number.negative, decimal, decimal.count - 1, {'e', decimal.exponent, 2});
  if (last_exponent < 0) return write(first, last, number.negative, decimal, -last_exponent, {});
  // Whole numbers are written in full, as printf does.
  const int whole = expansion.exponent(start);
  return write(first, last, number.negative, {exact + start, whole + 1, whole}, 0, {});
}

SHARED to_chars_result write_precision(char* first, char* last, uint128_t bits, const Format& format,
                                       chars_format form, int precision) {
  if (form == chars_format::hex) return write_hex(first, last, bits, format, precision);
  if (precision < 0) precision = 6;
  Number number = split(bits, format);
  if (number.kind != Kind::kFinite) return write_special(first, last, number, form, precision);

  for (; number.exponent < 0 && !(number.mantissa & 1); number.mantissa >>= 1) ++number.exponent;
  Expansion expansion(number.exponent);
  uint64_t limbs[expansion.most_limbs()];
  expansion.power(limbs);
  expansion.multiply(limbs, number.mantissa, limbs);
  expansion.trim(limbs);
  char characters[expansion.most_characters()];
  expansion.print(limbs, 0, characters + 1);
  const int start = leading_zeros(characters + 1);
  Decimal decimal{characters + 1 + start, expansion.size() - start, expansion.exponent(start)};

  if (form == chars_format::fixed) {
    round(decimal, int64_t{decimal.exponent} + 1 + precision);
    return write(first, last, number.negative, decimal, precision, {});
  }
  if (form == chars_format::scientific) {
    round(decimal, int64_t{precision} + 1);
    return write(first, last, number.negative, decimal, precision, {'e', decimal.exponent, 2});
  }
  const int significant = precision ? precision : 1;
  round(decimal, significant);
  const bool fixed = decimal.exponent >= -4 && decimal.exponent < significant;
  while (decimal.digits[decimal.count - 1] == '0') --decimal.count;
  if (!fixed) return write(first, last, number.negative, decimal, decimal.count - 1, {'e', decimal.exponent, 2});
  return write(first, last, number.negative, decimal, decimal.count - 1 - decimal.exponent, {});
}

template <typename Value>
uint128_t bits_of(Value value) {
  uint128_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);  // a long double's last bytes are anything: `split` does not look
  return bits;
}

}  // namespace

namespace TO_CHARS_NAMESPACE {

#define TO_CHARS(Value, format)                                                                               \
  to_chars_result to_chars(char* first, char* last, Value value) noexcept {                                   \
    return write_shortest(first, last, bits_of(value), format, chars_format{});                               \
  }                                                                                                           \
  to_chars_result to_chars(char* first, char* last, Value value, chars_format form) noexcept {                \
    return write_shortest(first, last, bits_of(value), format, form);                                         \
  }                                                                                                           \
  to_chars_result to_chars(char* first, char* last, Value value, chars_format form, int precision) noexcept { \
    return write_precision(first, last, bits_of(value), format, form, precision);                             \
  }

TO_CHARS(float, kFloat)
TO_CHARS(double, kDouble)
TO_CHARS(long double, kLongDouble)
TO_CHARS(_Float128, kFloat128)

// <charconv> calls these for std::float16_t and std::bfloat16_t; in hex they are written as the float that they are.
to_chars_result __to_chars_float16_t(char* first, char* last, float value, chars_format form) noexcept {
  const uint32_t bits = static_cast<uint32_t>(bits_of(value));
  if (form == chars_format::hex) return write_hex(first, last, bits, kFloat, -1);
  const uint32_t sign = bits >> 31 << 15;
  const uint32_t fraction = bits & 0x7fffff;
  const int exponent = static_cast<int>(bits >> 23 & 0xff) - 127 + 15;
  uint32_t half = 0;
  if (exponent > 30) {
    half = 31 << 10 | (fraction ? 1 : 0);
  } else if (exponent > 0) {
    half = static_cast<uint32_t>(exponent) << 10 | fraction >> 13;
  } else if (exponent > -10) {
    half = (fraction | 0x800000) >> (14 - exponent);
  }
  return write_shortest(first, last, sign | half, kFloat16, form);
}

to_chars_result __to_chars_bfloat16_t(char* first, char* last, float value, chars_format form) noexcept {
  const uint32_t bits = static_cast<uint32_t>(bits_of(value));
  if (form == chars_format::hex) return write_hex(first, last, bits, kFloat, -1);
  return write_shortest(first, last, bits >> 16, kBfloat16, form);
}

}  // namespace TO_CHARS_NAMESPACE
