// SPDX-License-Identifier: Apache-2.0
//
// A closure handed to a helper: CallRef borrows it for the time of a call, Task owns it for a thread.
//
// One function is generated for each closure. Rejected: std::function, of which each closure makes a dozen; with one or
// more of them in every case of every test they were a third of the tests' compile time.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace rondo_test {

template <class Signature>
class CallRef;

template <class Result, class... Args>
class CallRef<Result(Args...)> {
   public:
    template <class Callable>
    requires(!std::is_same_v<std::remove_cvref_t<Callable>, CallRef>) CallRef(Callable&& callable)
        : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
          call_(call<std::remove_reference_t<Callable>>) {}
    Result operator()(Args... args) const { return call_(object_, args...); }

   private:
    template <class Callable>
    static Result call(void* object, Args... args) {
        return (*static_cast<Callable*>(object))(args...);
    }

    void* object_;
    Result (*call_)(void*, Args...);
};

// What a thread runs. A body that returns nothing returns a null pointer.
class Task {
   public:
    template <class Body>
    requires(!std::is_same_v<Body, Task>) explicit Task(Body body)
        : object_(new Body(std::move(body))), act_(act<Body>) {}
    Task(Task&& other) noexcept : object_(std::exchange(other.object_, nullptr)), act_(other.act_) {}
    Task& operator=(Task&&) = delete;
    ~Task() {
        if (object_ != nullptr) act_(object_, false);
    }
    void* operator()() { return act_(object_, true); }

   private:
    template <class Body>
    static void* act(void* object, bool run) {
        auto* body = static_cast<Body*>(object);
        if (!run) {
            delete body;
        } else if constexpr (std::is_void_v<std::invoke_result_t<Body&>>) {
            (*body)();
        } else {
            return (*body)();
        }
        return nullptr;
    }

    void* object_;
    void* (*act_)(void*, bool);
};

}  // namespace rondo_test
