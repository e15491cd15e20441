#include "Text.h"

#include <cerrno>
#include <clocale>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace openrelic {
namespace {

constexpr std::string_view kSpaces = " \t\n\v\f\r\x1c\x1d\x1e\x1f";

std::string Printed(const char* format, int digits, double value) {
    if (std::isnan(value)) return "nan";
    char buffer[400];  // the longest double has 309 digits before its point
    const int length = std::snprintf(buffer, sizeof buffer, format, digits, value);
    std::string text(buffer, length > 0 ? static_cast<size_t>(length) : 0);
    const char point = *std::localeconv()->decimal_point;
    for (char& letter : text) {
        if (letter == point) letter = '.';
    }
    return text;
}

std::string_view Trimmed(std::string_view text) {
    const size_t first = text.find_first_not_of(kSpaces);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

bool IsDigit(char letter) { return letter >= '0' && letter <= '9'; }

/// Copies digits, with single underscores between them left out; the number copied.
size_t TakeDigits(std::string_view text, size_t& at, std::string& plain) {
    size_t count = 0;
    while (at < text.size()) {
        const bool joined = text[at] == '_' && count > 0 && at + 1 < text.size() && IsDigit(text[at + 1]);
        if (joined) ++at;
        if (!IsDigit(text[at])) break;
        plain += text[at++];
        ++count;
    }
    return count;
}

bool IsWord(std::string_view text, std::string_view word) {
    if (text.size() != word.size()) return false;
    for (size_t i = 0; i < word.size(); ++i) {
        const char letter = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
        if (letter != word[i]) return false;
    }
    return true;
}

bool ParseWord(std::string_view text, bool negative, double& value) {
    if (IsWord(text, "nan")) {
        value = std::nan("");
        return true;
    }
    if (!IsWord(text, "inf") && !IsWord(text, "infinity")) return false;
    value = negative ? -HUGE_VAL : HUGE_VAL;
    return true;
}

/// Splits one character off; 0 bytes where it is no UTF-8. Surrogates and overlong forms are none.
size_t DecodeOne(std::string_view text, unsigned& code) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(0);
    const size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (length == 0 || length > text.size()) return 0;
    code = length == 1 ? first : first & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return 0;
        code = code << 6 | (byte(i) & 0x3F);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    return overlong || (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF ? 0 : length;
}

std::string Escaped(unsigned code) {
    if (code == '\n') return "\\n";
    if (code == '\r') return "\\r";
    if (code == '\t') return "\\t";
    char buffer[12];
    std::snprintf(buffer, sizeof buffer, "\\x%02x", code);
    return buffer;
}

}  // namespace

std::string Fixed(double value, int digits) { return Printed("%.*f", digits, value); }

std::string General(double value, int digits) { return Printed("%.*g", digits, value); }

bool ParseNumber(std::string_view text, double& value) {
    text = Trimmed(text);
    std::string plain;
    size_t at = 0;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) plain += text[at++];
    if (ParseWord(text.substr(at), plain == "-", value)) return true;
    size_t digits = TakeDigits(text, at, plain);
    if (at < text.size() && text[at] == '.') {
        ++at;
        plain += *std::localeconv()->decimal_point;
        digits += TakeDigits(text, at, plain);
    }
    if (digits == 0) return false;
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        plain += text[at++];
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) plain += text[at++];
        if (TakeDigits(text, at, plain) == 0) return false;
    }
    if (at != text.size()) return false;
    value = std::strtod(plain.c_str(), nullptr);
    return true;
}

std::string Quoted(std::string_view text) {
    const bool single = text.find('\'') != std::string_view::npos;
    const char quote = single && text.find('"') == std::string_view::npos ? '"' : '\'';
    std::string out(1, quote);
    while (!text.empty()) {
        unsigned code = static_cast<unsigned char>(text[0]);
        const size_t length = DecodeOne(text, code);
        const bool hidden = code < 0x20 || (code >= 0x7F && code < 0xA1) || code == 0xAD;
        if (length == 0 || hidden) {
            out += Escaped(code);
        } else {
            if (code == '\\' || code == static_cast<unsigned char>(quote)) out += '\\';
            out += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out + quote;
}

std::string_view FirstCharacters(std::string_view text, size_t count) {
    size_t at = 0;
    unsigned code = 0;
    for (; count > 0 && at < text.size(); --count) {
        const size_t length = DecodeOne(text.substr(at), code);
        at += length == 0 ? 1 : length;
    }
    return text.substr(0, at);
}

size_t ValidUtf8(std::string_view text) {
    size_t at = 0;
    unsigned code = 0;
    while (at < text.size()) {
        const size_t length = DecodeOne(text.substr(at), code);
        if (length == 0) break;
        at += length;
    }
    return at;
}

}  // namespace openrelic
