// The plots of a run, drawn by plots.py.
#pragma once

#include <boost/json/object.hpp>
#include <filesystem>
#include <string>

namespace odb::bench {

// Draws what `results` (the content of --json) has curves for, as SVG files of this folder, which
// is made when there is none. Throws std::runtime_error; python3-matplotlib must be installed.
void draw_plots(const boost::json::object& results, const std::filesystem::path& folder);

// Markdown that shows the plots of the folder in a document at `document`.
std::string show_plots(const std::filesystem::path& folder, const std::filesystem::path& document);

}  // namespace odb::bench
