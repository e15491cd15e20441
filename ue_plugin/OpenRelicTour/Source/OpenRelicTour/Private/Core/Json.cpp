#include "Json.h"

#include <cmath>
#include <cstdio>

#include "Text.h"

namespace openrelic {

void JsonLine::Separate() {
    if (after_key_) {
        after_key_ = false;
    } else if (!begun_.empty()) {
        if (begun_.back()) line_ += ", ";
        begun_.back() = true;
    }
}

JsonLine& JsonLine::Open(char bracket) {
    Separate();
    line_ += bracket;
    begun_.push_back(false);
    return *this;
}

JsonLine& JsonLine::Close(char bracket) {
    line_ += bracket;
    if (!begun_.empty()) begun_.pop_back();
    return *this;
}

JsonLine& JsonLine::Key(std::string_view name) {
    Text(name);
    line_ += ": ";
    after_key_ = true;
    return *this;
}

JsonLine& JsonLine::Text(std::string_view text) {
    Separate();
    line_ += '"';
    while (!text.empty()) {
        const size_t valid = ValidUtf8(text);
        for (const char letter : text.substr(0, valid)) {
            const char* const named = letter == '"' ? "\\\"" : letter == '\\' ? "\\\\" : letter == '\n' ? "\\n"
                : letter == '\r' ? "\\r" : letter == '\t' ? "\\t" : letter == '\b' ? "\\b"
                : letter == '\f' ? "\\f" : nullptr;
            char escaped[8];
            if (named != nullptr) {
                line_ += named;
            } else if (static_cast<unsigned char>(letter) < 0x20) {
                std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(letter));
                line_ += escaped;
            } else {
                line_ += letter;
            }
        }
        text.remove_prefix(valid);
        if (!text.empty()) {
            line_ += "\xEF\xBF\xBD";  // the replacement character, for each byte that is no UTF-8
            text.remove_prefix(1);
        }
    }
    line_ += '"';
    return *this;
}

JsonLine& JsonLine::Number(double value) {
    Separate();
    line_ += std::isfinite(value) ? Fixed(value) : "null";
    return *this;
}

JsonLine& JsonLine::Whole(int64_t value) {
    Separate();
    line_ += std::to_string(value);
    return *this;
}

JsonLine& JsonLine::Flag(bool value) {
    Separate();
    line_ += value ? "true" : "false";
    return *this;
}

JsonLine& JsonLine::Point(const Vec3& point) {
    return Open('[').Number(point.x).Number(point.y).Number(point.z).Close(']');
}

}  // namespace openrelic
