// odb completion: what a shell needs to complete odb's commands and options.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "command.h"

namespace odb::tool {

namespace {

// Every command with its long options, as lines of a `case`.
std::string cases(const CLI::App& app) {
  std::string text;
  for (const CLI::App* command : app.get_subcommands({})) {
    std::string options;
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) options += " --" + name;
    }
    text += "    " + command->get_name() + ") options=\"" + options.substr(1) + "\" ;;\n";
  }
  return text;
}

std::string names(const CLI::App& app) {
  std::string text;
  for (const CLI::App* command : app.get_subcommands({})) text += " " + command->get_name();
  return text.substr(1);
}

std::string bash(const CLI::App& app) {
  return "_odb() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} options=\n"
         "  if [[ $COMP_CWORD -eq 1 ]]; then\n"
         "    COMPREPLY=($(compgen -W \"" +
         names(app) +
         " --help --version\" -- \"$word\"))\n"
         "    return\n"
         "  fi\n"
         "  case ${COMP_WORDS[1]} in\n" +
         cases(app) +
         "  esac\n"
         "  if [[ ${COMP_WORDS[1]} == completion && $word != -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"bash zsh\" -- \"$word\"))\n"
         "  elif [[ $before == --data-dir ]]; then\n"
         "    COMPREPLY=($(compgen -d -- \"$word\"))\n"
         "  elif [[ $word == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
         "  fi\n"
         "}\n"
         "complete -o filenames -F _odb odb";
}

// zsh runs what bash does.
std::string zsh(const CLI::App& app) {
  return "#compdef odb\nautoload -U +X bashcompinit && bashcompinit\n" + bash(app);
}

}  // namespace

void add_completion(Program& program) {
  auto shell = std::make_shared<std::string>();
  const CLI::App* const app = &program.app;
  CLI::App& command = program.add(
      "completion", "Print a script that completes odb's commands: eval \"$(odb completion bash)\"",
      [shell, app](Output) {
        auto printed = print(*shell == "bash" ? bash(*app) : zsh(*app));
        if (!printed) return Result<ExitCode>(printed.error());
        return Result<ExitCode>(ExitCode::kSuccess);
      });
  command.add_option("SHELL", *shell, "bash or zsh")
      ->required()
      ->type_name("")
      ->check(CLI::IsMember({"bash", "zsh"}));
}

}  // namespace odb::tool
