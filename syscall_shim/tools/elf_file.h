// SPDX-License-Identifier: Apache-2.0
//
// What the launcher must know of a program file before it runs it: which loader and libraries it asks for, whether it
// has thread-local variables, whether it is Go, and which functions it imports. The file is mapped and never trusted:
// every offset in it is checked against the file's length, so a truncated or hostile file ends in a message.
//
// Imports are the undefined symbols that dynamic relocations name. That needs no symbol count, which ELF keeps only
// in hash tables (absent or of no use when a program exports nothing) and in section headers (often stripped).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rondo {

// A read-only view of a whole file.
class MappedFile {
   public:
    // error() is 0, or the errno of what failed.
    explicit MappedFile(int fd);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    const char* bytes() const { return bytes_; }
    size_t size() const { return size_; }
    int error() const { return error_; }

   private:
    const char* bytes_ = nullptr;
    size_t size_ = 0;
    int error_ = 0;
};

struct ElfFacts {
    bool is_elf = false;
    std::string damage;  // not empty: why the file cannot be used; what follows it in the file was not read

    unsigned char word_class = 0;  // ELFCLASS32, ELFCLASS64
    uint16_t machine = 0;          // EM_*
    uint16_t type = 0;             // ET_*
    // The rest is read only for 64-bit x86-64 programs.
    std::string interpreter;  // empty: none, so nothing can be preloaded
    bool position_independent_program = false;
    bool thread_locals = false;
    bool go = false;
    std::vector<std::string> libraries;
    std::vector<std::string> imports;  // sorted, each once
};

ElfFacts read_elf(const char* bytes, size_t size);

}  // namespace rondo
