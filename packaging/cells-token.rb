# Homebrew formula. packaging/fill puts the version and the checksums in; the result is part of each release.
class CellsToken < Formula
  desc "Get and cache access tokens for Aspose.Cells Cloud"
  homepage "https://github.com/@REPOSITORY@"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/cells-token-aarch64-apple-darwin.tgz"
      sha256 "@SHA256:cells-token-aarch64-apple-darwin.tgz@"
    end
    on_intel do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/cells-token-x86_64-apple-darwin.tgz"
      sha256 "@SHA256:cells-token-x86_64-apple-darwin.tgz@"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/cells-token-aarch64-unknown-linux-musl.tgz"
      sha256 "@SHA256:cells-token-aarch64-unknown-linux-musl.tgz@"
    end
    on_intel do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/cells-token-x86_64-unknown-linux-musl.tgz"
      sha256 "@SHA256:cells-token-x86_64-unknown-linux-musl.tgz@"
    end
  end

  def install
    bin.install "cells-token"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/cells-token.bash" => "cells-token"
    fish_completion.install "completions/cells-token.fish"
    zsh_completion.install "completions/_cells-token"
  end

  test do
    assert_match(/\AeyJ/, shell_output("#{bin}/cells-token sandbox -- cells-token get"))
  end
end
