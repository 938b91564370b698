#include "plots.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "process.h"
#include "python.h"
#include "temporary_folder.h"

namespace odb::bench {

void draw_plots(const boost::json::object& results, const std::filesystem::path& folder) {
  const TemporaryFolder temporary;
  const std::filesystem::path file = temporary.path() / "results.json";
  if (!(std::ofstream(file) << boost::json::serialize(results) << std::flush)) {
    throw std::runtime_error("cannot write " + file.string());
  }
  ProcessOptions options;
  options.arguments = {kPythonInterpreter, std::string(ODB_BENCH_SOURCE_DIR) + "/plots.py",
                       file.string(), folder.string()};
  Process script(options);
  static_cast<void>(script.read_line());  // what it says when all is drawn
}

std::string show_plots(const std::filesystem::path& folder, const std::filesystem::path& document) {
  std::vector<std::filesystem::path> plots;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".svg") plots.push_back(entry.path());
  }
  std::sort(plots.begin(), plots.end());
  const std::filesystem::path base = std::filesystem::absolute(document).parent_path();
  std::string out;
  for (const std::filesystem::path& plot : plots) {
    std::string title = plot.stem().string();
    std::replace(title.begin(), title.end(), '_', ' ');
    out += "\n![" + title + "](" +
           std::filesystem::absolute(plot).lexically_relative(base).string() + ")\n";
  }
  return out;
}

}  // namespace odb::bench
