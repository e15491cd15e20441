#include "Csv.h"

#include "Text.h"

namespace openrelic {
namespace {

constexpr size_t kMaxCell = 131072;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

enum class State { kRowStart, kCellStart, kPlain, kQuoted, kQuoteSeen };

/// Takes one character after another.
class Splitter {
public:
    explicit Splitter(std::vector<CsvRow>& rows) : rows_(rows) {}

    bool Take(char letter, std::string& error) {
        if (state_ == State::kQuoted) {
            if (letter == '"') {
                state_ = State::kQuoteSeen;
                return true;
            }
            return Add(letter, error);
        }
        if (state_ == State::kQuoteSeen && letter == '"') {
            state_ = State::kQuoted;
            return Add(letter, error);
        }
        if (letter == '\n') return EndRow();
        if (letter == ',') return EndCell();
        if (state_ == State::kQuoteSeen) {
            error = "',' expected after '\"'";
            return false;
        }
        if (letter == '"' && state_ != State::kPlain) {
            state_ = State::kQuoted;
            return true;
        }
        state_ = State::kPlain;
        return Add(letter, error);
    }

    bool End(std::string& error) {
        if (state_ == State::kQuoted) {
            error = "unexpected end of data";
            return false;
        }
        return state_ == State::kRowStart || EndRow();
    }

private:
    bool Add(char letter, std::string& error) {
        if (cell_.size() >= kMaxCell) {
            error = "field larger than field limit (131072)";
            return false;
        }
        cell_ += letter;
        return true;
    }

    bool EndCell() {
        row_.push_back(std::move(cell_));
        cell_.clear();
        state_ = State::kCellStart;
        return true;
    }

    bool EndRow() {
        if (state_ != State::kRowStart) EndCell();
        rows_.push_back(std::move(row_));
        row_.clear();
        state_ = State::kRowStart;
        return true;
    }

    std::vector<CsvRow>& rows_;
    CsvRow row_;
    std::string cell_;
    State state_ = State::kRowStart;
};

}  // namespace

bool SplitCsv(std::string_view data, std::vector<CsvRow>& rows, std::string& error) {
    if (data.substr(0, kByteOrderMark.size()) == kByteOrderMark) data.remove_prefix(kByteOrderMark.size());
    const size_t valid = ValidUtf8(data);
    if (valid < data.size()) {
        error = "byte " + std::to_string(valid) + " is no part of UTF-8 text";
        return false;
    }
    Splitter splitter(rows);
    for (size_t at = 0; at < data.size(); ++at) {
        char letter = data[at];
        if (letter == '\r') {
            if (at + 1 < data.size() && data[at + 1] == '\n') ++at;
            letter = '\n';
        }
        if (!splitter.Take(letter, error)) return false;
    }
    return splitter.End(error);
}

}  // namespace openrelic
