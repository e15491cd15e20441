// Numbers and text as the rest of the project reads and writes them (Python's rules), with no
// engine and no locale.
#pragma once

#include <string>
#include <string_view>

namespace openrelic {

/// `value` as Python's `f"{value:.6f}"`: a dot whatever the locale says.
std::string Fixed(double value, int digits = 6);

/// `value` as Python's `f"{value:.10g}"`.
std::string General(double value, int digits = 10);

/// Reads what Python's `float(text)` reads of ASCII; false where that raises.
bool ParseNumber(std::string_view text, double& value);

/// `text` as Python's `repr` writes a string: in quotes, what cannot be printed escaped.
std::string Quoted(std::string_view text);

/// The first `count` characters of UTF-8.
std::string_view FirstCharacters(std::string_view text, size_t count);

/// Bytes of the longest start of `text` that is valid UTF-8.
size_t ValidUtf8(std::string_view text);

}  // namespace openrelic
