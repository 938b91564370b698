// Profiles: named places in a file of the user.
#pragma once

#include <map>
#include <string>

#include "odb/core/error.h"

namespace odb::tool {

// $XDG_CONFIG_HOME/odb/profiles, or ~/.config/odb/profiles; ODB_PROFILES names another file.
std::string profiles_file();

// The settings of one profile, by the names of the options without dashes. The file has a line
// `[NAME]` for each and `key = value` below it. kBadConfiguration: the profile is not there, a line
// is none, a key is not known, or others than its owner may read or write the file.
Result<std::map<std::string, std::string>> read_profile(const std::string& file,
                                                        const std::string& name);

}  // namespace odb::tool
