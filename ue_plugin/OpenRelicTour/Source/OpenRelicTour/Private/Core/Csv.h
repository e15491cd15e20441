// Rows of a CSV file in UTF-8, by the rules of Python's csv module (strict).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace openrelic {

using CsvRow = std::vector<std::string>;

/// Splits `data`, a leading byte order mark left out. Lines end with \n, \r\n or \r. False with
/// what is wrong in `error`: not UTF-8, broken quotes, or a cell above 131072 bytes.
bool SplitCsv(std::string_view data, std::vector<CsvRow>& rows, std::string& error);

}  // namespace openrelic
