// SPDX-License-Identifier: Apache-2.0
//
// Header, then segments, then the dynamic section that they lead to, then sections (only to recognise Go, whose
// linker can leave out its build note). Reading stops at the first thing that is wrong.

#include "syscall_shim/tools/elf_file.h"

#include <elf.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <string_view>

namespace rondo {

namespace {

bool printable(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char character) { return character > ' ' && character < 127; });
}

// A table in the file that the dynamic section names by address.
struct Table {
    uint64_t address = 0;
    uint64_t bytes = 0;
};

class ElfReader {
   public:
    ElfReader(const char* bytes, size_t size, ElfFacts& facts) : bytes_(bytes), size_(size), facts_(facts) {}

    bool read() { return header() && segments() && dynamic() && imports() && sections(); }

   private:
    bool fail(const char* what) {
        facts_.damage = what;
        return false;
    }

    bool inside(uint64_t offset, uint64_t length) const { return offset <= size_ && length <= size_ - offset; }

    template <typename T>
    bool get(uint64_t offset, T& out) const {
        if (!inside(offset, sizeof out)) {
            return false;
        }
        memcpy(&out, bytes_ + offset, sizeof out);
        return true;
    }

    // The text at offset, which must end before limit bytes are over.
    bool text(uint64_t offset, uint64_t limit, std::string& out) const {
        if (!inside(offset, limit) || memchr(bytes_ + offset, 0, limit) == nullptr) {
            return false;
        }
        out = bytes_ + offset;
        return true;
    }

    bool header() {
        if (!get(0, header_)) {
            return fail("it is cut off within its header");
        }
        facts_.word_class = header_.e_ident[EI_CLASS];
        facts_.machine = header_.e_machine;
        facts_.type = header_.e_type;
        return facts_.word_class == ELFCLASS64 && facts_.machine == EM_X86_64;
    }

    bool segments() {
        if (header_.e_phnum != 0 && header_.e_phentsize != sizeof(Elf64_Phdr)) {
            return fail("its program headers have an unknown size");
        }
        for (unsigned i = 0; i < header_.e_phnum; ++i) {
            Elf64_Phdr segment;
            if (!inside(header_.e_phoff, uint64_t{header_.e_phnum} * sizeof segment) ||
                !get(header_.e_phoff + i * sizeof segment, segment)) {
                return fail("its program headers lie outside the file");
            }
            if (!inside(segment.p_offset, segment.p_filesz)) {
                return fail("a segment lies outside the file");
            }
            if (!take(segment)) {
                return false;
            }
        }
        return true;
    }

    bool take(const Elf64_Phdr& segment) {
        switch (segment.p_type) {
            case PT_LOAD:
                loads_.push_back(segment);
                return true;
            case PT_DYNAMIC:
                dynamic_ = segment;
                return true;
            case PT_TLS:
                facts_.thread_locals = segment.p_memsz > 0;
                return true;
            case PT_NOTE:
                facts_.go = facts_.go || has_go_note(segment);
                return true;
            case PT_INTERP:
                return (text(segment.p_offset, segment.p_filesz, facts_.interpreter) &&
                        printable(facts_.interpreter)) ||
                       fail("the name of its loader is no text");
            default:
                return true;
        }
    }

    bool has_go_note(const Elf64_Phdr& segment) const {
        constexpr uint32_t kGoBuildId = 4;
        uint64_t alignment = segment.p_align == 8 ? 8 : 4;
        auto align = [alignment](uint64_t value) { return (value + alignment - 1) & ~(alignment - 1); };
        uint64_t end = segment.p_offset + segment.p_filesz;
        Elf64_Nhdr note;
        for (uint64_t at = segment.p_offset; at < end && get(at, note);) {
            std::string name;
            if (note.n_type == kGoBuildId && text(at + sizeof note, note.n_namesz, name) && name == "Go") {
                return true;
            }
            at = align(align(at + sizeof note + note.n_namesz) + note.n_descsz);
        }
        return false;
    }

    bool to_offset(uint64_t address, uint64_t& offset) const {
        for (const Elf64_Phdr& load : loads_) {
            if (address >= load.p_vaddr && address - load.p_vaddr < load.p_filesz) {
                offset = load.p_offset + (address - load.p_vaddr);
                return true;
            }
        }
        return false;
    }

    bool dynamic() {
        std::vector<uint64_t> library_names;
        Elf64_Dyn entry{};
        for (uint64_t at = 0; at + sizeof entry <= dynamic_.p_filesz; at += sizeof entry) {
            if (!get(dynamic_.p_offset + at, entry) || entry.d_tag == DT_NULL) {
                break;
            }
            if (entry.d_tag == DT_NEEDED) {
                library_names.push_back(entry.d_un.d_val);
            }
            take(entry);
        }
        for (uint64_t name : library_names) {
            std::string library;
            if (!string(name, library) || !printable(library)) {
                return fail("the name of a library is no text, or lies outside the file");
            }
            facts_.libraries.push_back(library);
        }
        return true;
    }

    void take(const Elf64_Dyn& entry) {
        switch (entry.d_tag) {
            case DT_STRTAB:
                strings_.address = entry.d_un.d_ptr;
                break;
            case DT_STRSZ:
                strings_.bytes = entry.d_un.d_val;
                break;
            case DT_SYMTAB:
                symbols_ = entry.d_un.d_ptr;
                break;
            case DT_RELA:
                relocations_[0].address = entry.d_un.d_ptr;
                break;
            case DT_RELASZ:
                relocations_[0].bytes = entry.d_un.d_val;
                break;
            case DT_JMPREL:
                relocations_[1].address = entry.d_un.d_ptr;
                break;
            case DT_PLTRELSZ:
                relocations_[1].bytes = entry.d_un.d_val;
                break;
            case DT_FLAGS_1:
                facts_.position_independent_program = (entry.d_un.d_val & DF_1_PIE) != 0;
                break;
            default:
                break;
        }
    }

    // A name in the dynamic string table.
    bool string(uint64_t index, std::string& out) const {
        uint64_t offset = 0;
        return index < strings_.bytes && to_offset(strings_.address, offset) && inside(offset, strings_.bytes) &&
               text(offset + index, strings_.bytes - index, out);
    }

    bool imports() {
        std::set<uint64_t> indices;
        for (const Table& table : relocations_) {
            uint64_t offset = 0;
            if (table.bytes > 0 && (!to_offset(table.address, offset) || !inside(offset, table.bytes))) {
                return fail("its relocations lie outside the file");
            }
            Elf64_Rela relocation;
            for (uint64_t at = 0; at + sizeof relocation <= table.bytes; at += sizeof relocation) {
                get(offset + at, relocation);
                indices.insert(ELF64_R_SYM(relocation.r_info));
            }
        }
        indices.erase(STN_UNDEF);
        return undefined_names(indices);
    }

    bool undefined_names(const std::set<uint64_t>& indices) {
        uint64_t table = 0;
        if (!indices.empty() && !to_offset(symbols_, table)) {
            return fail("its symbols lie outside the file");
        }
        std::set<std::string> names;
        for (uint64_t index : indices) {
            Elf64_Sym symbol;
            std::string name;
            if (!get(table + index * sizeof symbol, symbol) || !string(symbol.st_name, name)) {
                return fail("a symbol lies outside the file");
            }
            if (symbol.st_shndx == SHN_UNDEF) {
                names.insert(name);
            }
        }
        facts_.imports.assign(names.begin(), names.end());
        return true;
    }

    bool sections() {
        if (header_.e_shoff == 0 || header_.e_shnum == 0 || header_.e_shentsize != sizeof(Elf64_Shdr)) {
            return true;
        }
        if (!inside(header_.e_shoff, uint64_t{header_.e_shnum} * sizeof(Elf64_Shdr))) {
            return fail("its section headers lie outside the file");
        }
        Elf64_Shdr names;
        if (header_.e_shstrndx >= header_.e_shnum || !get(header_.e_shoff + header_.e_shstrndx * sizeof names, names)) {
            return true;
        }
        for (unsigned i = 0; i < header_.e_shnum; ++i) {
            Elf64_Shdr section;
            std::string name;
            bool named = get(header_.e_shoff + i * sizeof section, section) && section.sh_name < names.sh_size &&
                         inside(names.sh_offset, names.sh_size) &&
                         text(names.sh_offset + section.sh_name, names.sh_size - section.sh_name, name);
            facts_.go = facts_.go || (named && (name == ".go.buildinfo" || name == ".gopclntab"));
        }
        return true;
    }

    const char* bytes_;
    size_t size_;
    ElfFacts& facts_;
    Elf64_Ehdr header_{};
    std::vector<Elf64_Phdr> loads_;
    Elf64_Phdr dynamic_{};
    Table strings_;
    Table relocations_[2];
    uint64_t symbols_ = 0;
};

}  // namespace

MappedFile::MappedFile(int fd) {
    struct stat status;
    if (fstat(fd, &status) != 0) {
        error_ = errno;
        return;
    }
    if (status.st_size == 0) {
        return;
    }
    void* mapped = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED) {
        error_ = errno;
        return;
    }
    bytes_ = static_cast<const char*>(mapped);
    size_ = static_cast<size_t>(status.st_size);
}

MappedFile::~MappedFile() {
    if (bytes_ != nullptr) {
        munmap(const_cast<char*>(bytes_), size_);
    }
}

ElfFacts read_elf(const char* bytes, size_t size) {
    ElfFacts facts;
    facts.is_elf = std::string_view(bytes, size).starts_with(ELFMAG);
    if (facts.is_elf) {
        ElfReader(bytes, size, facts).read();
    }
    return facts;
}

}  // namespace rondo
