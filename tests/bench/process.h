// Process: a child program with its stdin and stdout as pipes, that never outlives this one.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace odb::bench {

struct ProcessOptions {
  std::vector<std::string> arguments;                            // the program's path first
  std::vector<std::pair<std::string, std::string>> environment;  // on top of this process's own
  std::optional<int> cpu;                                        // the only one that it may use
};

// Belongs to the thread that made it: the kernel kills the child when that thread ends, however it
// ends. Failures throw std::runtime_error.
class Process {
 public:
  explicit Process(const ProcessOptions& options);
  ~Process();  // asks the child to end, kills it when it does not
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // The next line of its stdout, without the line's end. Throws when the child ends first, or says
  // nothing in time.
  std::string read_line(std::chrono::seconds timeout = std::chrono::seconds(120));
  void write_line(const std::string& line);

  // Keeps it from running, or lets it again.
  void pause();
  void resume();

  pid_t id() const { return id_; }
  // Memory that the process occupies now.
  std::size_t resident_bytes() const;
  // Processor time of all its threads so far.
  double cpu_seconds() const;

 private:
  void close_pipes();

  std::string name_;
  pid_t id_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::string buffered_;
};

// Processors that this process may use.
std::vector<int> allowed_cpus();

// The path of this program.
std::string own_path();

}  // namespace odb::bench
