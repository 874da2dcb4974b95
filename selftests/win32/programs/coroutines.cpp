// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * C++20 coroutines over a completion port: co_await of an operation suspends the coroutine, and
 * the packet of the operation resumes it, in whichever thread has taken that from the port.
 * The test is an echo server and its clients, all of them coroutines, and exceptions that find
 * their way through them.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>

#include <array>
#include <atomic>
#include <coroutine>
#include <cstdio>
#include <exception>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace io {

[[noreturn]] inline void fail(const char *what, int error = WSAGetLastError())
{
	throw std::system_error(error, std::system_category(), what);
}

/* A coroutine that begins when it is awaited, and resumes who has done that at its end. */
template <typename T> class task;

namespace detail {

struct promise_base {
	std::coroutine_handle<> continuation = std::noop_coroutine();
	std::exception_ptr exception;

	struct final_awaiter {
		bool await_ready() noexcept { return false; }
		template <typename P>
		std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h) noexcept
		{
			return h.promise().continuation;
		}
		void await_resume() noexcept {}
	};

	std::suspend_always initial_suspend() noexcept { return {}; }
	final_awaiter final_suspend() noexcept { return {}; }
	void unhandled_exception() noexcept { exception = std::current_exception(); }
};

template <typename T> struct promise : promise_base {
	T value{};
	task<T> get_return_object();
	void return_value(T v) { value = std::move(v); }
	T result()
	{
		if (exception)
			std::rethrow_exception(exception);
		return std::move(value);
	}
};

template <> struct promise<void> : promise_base {
	task<void> get_return_object();
	void return_void() {}
	void result()
	{
		if (exception)
			std::rethrow_exception(exception);
	}
};

} // namespace detail

template <typename T = void> class [[nodiscard]] task {
public:
	using promise_type = detail::promise<T>;
	using handle = std::coroutine_handle<promise_type>;

	explicit task(handle h) : handle_(h) {}
	task(task &&other) noexcept : handle_(std::exchange(other.handle_, {})) {}
	~task() { if (handle_) handle_.destroy(); }

	bool await_ready() const noexcept { return false; }
	std::coroutine_handle<> await_suspend(std::coroutine_handle<> continuation) noexcept
	{
		handle_.promise().continuation = continuation;
		return handle_;
	}
	T await_resume() { return handle_.promise().result(); }

private:
	handle handle_;
};

template <typename T> task<T> detail::promise<T>::get_return_object()
{
	return task<T>(std::coroutine_handle<promise<T>>::from_promise(*this));
}

inline task<void> detail::promise<void>::get_return_object()
{
	return task<void>(std::coroutine_handle<promise<void>>::from_promise(*this));
}

/* A coroutine that nobody awaits. */
struct detached {
	struct promise_type {
		detached get_return_object() { return {}; }
		std::suspend_never initial_suspend() noexcept { return {}; }
		std::suspend_never final_suspend() noexcept { return {}; }
		void return_void() {}
		void unhandled_exception() { std::terminate(); }
	};
};

class context {
public:
	context() : port_(CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 0))
	{
		if (!port_)
			fail("CreateIoCompletionPort", static_cast<int>(GetLastError()));
	}
	~context() { CloseHandle(port_); }
	context(const context &) = delete;

	void add(SOCKET s)
	{
		if (!CreateIoCompletionPort(reinterpret_cast<HANDLE>(s), port_, 0, 0))
			fail("CreateIoCompletionPort", static_cast<int>(GetLastError()));
	}
	void run();
	void stop(int threads)
	{
		while (threads--)
			PostQueuedCompletionStatus(port_, 0, 0, nullptr);
	}

private:
	HANDLE port_;
};

/* The base of what can be awaited: Start begins the operation, true if a packet follows. */
class operation : public OVERLAPPED {
public:
	operation() : OVERLAPPED{} {}

	void complete(DWORD error, DWORD bytes)
	{
		error_ = error;
		bytes_ = bytes;
		waiting_.resume();
	}

protected:
	DWORD finish(const char *what)
	{
		if (error_)
			fail(what, static_cast<int>(error_));
		return bytes_;
	}
	/* After this the operation may be over, and its coroutine gone on. */
	template <typename F> bool begin(std::coroutine_handle<> h, F start)
	{
		waiting_ = h;
		if (start())
			return true;
		int error = WSAGetLastError();
		if (error == WSA_IO_PENDING)
			return true;
		error_ = static_cast<DWORD>(error);
		return false;
	}

private:
	std::coroutine_handle<> waiting_;
	DWORD error_ = 0, bytes_ = 0;
};

void context::run()
{
	for (;;) {
		OVERLAPPED *overlapped;
		ULONG_PTR key;
		DWORD bytes, error = 0;

		if (!GetQueuedCompletionStatus(port_, &bytes, &key, &overlapped, INFINITE))
			error = GetLastError();
		if (!overlapped)
			return;
		static_cast<operation *>(overlapped)->complete(error, bytes);
	}
}

class socket {
public:
	explicit socket(context &c)
		: s_(WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, nullptr, 0, WSA_FLAG_OVERLAPPED))
	{
		if (s_ == INVALID_SOCKET)
			fail("WSASocket");
		c.add(s_);
	}
	socket(socket &&other) noexcept : s_(std::exchange(other.s_, INVALID_SOCKET)) {}
	~socket() { close(); }
	void close()
	{
		if (s_ != INVALID_SOCKET)
			closesocket(std::exchange(s_, INVALID_SOCKET));
	}
	SOCKET get() const { return s_; }
	sockaddr_in bind_loopback()
	{
		sockaddr_in name{};
		int size = sizeof(name);

		name.sin_family = AF_INET;
		name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (::bind(s_, reinterpret_cast<sockaddr *>(&name), size) ||
		    getsockname(s_, reinterpret_cast<sockaddr *>(&name), &size))
			fail("bind");
		return name;
	}
	template <typename F> F extension(GUID guid) const
	{
		F function;
		DWORD bytes;

		if (WSAIoctl(s_, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof(guid), &function,
			     sizeof(function), &bytes, nullptr, nullptr))
			fail("WSAIoctl");
		return function;
	}

	auto receive(std::span<char> room);
	auto send(std::span<const char> data);
	auto accept(socket &into);
	auto connect(const sockaddr_in &to);
	task<> send_all(std::span<const char> data);

private:
	SOCKET s_;
};

struct receive_operation : operation {
	SOCKET s;
	WSABUF buffer;

	receive_operation(SOCKET s, std::span<char> room)
		: s(s), buffer{ static_cast<ULONG>(room.size()), room.data() } {}
	bool await_ready() { return false; }
	bool await_suspend(std::coroutine_handle<> h)
	{
		return begin(h, [this] {
			DWORD flags = 0;
			return WSARecv(s, &buffer, 1, nullptr, &flags, this, nullptr) == 0;
		});
	}
	DWORD await_resume() { return finish("WSARecv"); }
};

struct send_operation : operation {
	SOCKET s;
	WSABUF buffer;

	send_operation(SOCKET s, std::span<const char> data)
		: s(s), buffer{ static_cast<ULONG>(data.size()), const_cast<char *>(data.data()) } {}
	bool await_ready() { return false; }
	bool await_suspend(std::coroutine_handle<> h)
	{
		return begin(h, [this] {
			return WSASend(s, &buffer, 1, nullptr, 0, this, nullptr) == 0;
		});
	}
	DWORD await_resume() { return finish("WSASend"); }
};

struct accept_operation : operation {
	socket &listener, &into;
	std::array<char, 2 * (sizeof(sockaddr_in) + 16)> names;

	accept_operation(socket &listener, socket &into) : listener(listener), into(into) {}
	bool await_ready() { return false; }
	bool await_suspend(std::coroutine_handle<> h)
	{
		return begin(h, [this] {
			auto accept_ex = listener.extension<LPFN_ACCEPTEX>(WSAID_ACCEPTEX);
			DWORD bytes;
			return accept_ex(listener.get(), into.get(), names.data(), 0,
					 sizeof(sockaddr_in) + 16, sizeof(sockaddr_in) + 16, &bytes,
					 this) != FALSE;
		});
	}
	void await_resume()
	{
		SOCKET s = listener.get();

		finish("AcceptEx");
		setsockopt(into.get(), SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
			   reinterpret_cast<char *>(&s), sizeof(s));
	}
};

struct connect_operation : operation {
	socket &s;
	sockaddr_in to;

	connect_operation(socket &s, const sockaddr_in &to) : s(s), to(to) {}
	bool await_ready() { return false; }
	bool await_suspend(std::coroutine_handle<> h)
	{
		s.bind_loopback();
		return begin(h, [this] {
			auto connect_ex = s.extension<LPFN_CONNECTEX>(WSAID_CONNECTEX);
			return connect_ex(s.get(), reinterpret_cast<sockaddr *>(&to), sizeof(to),
					  nullptr, 0, nullptr, this) != FALSE;
		});
	}
	void await_resume()
	{
		finish("ConnectEx");
		setsockopt(s.get(), SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, nullptr, 0);
	}
};

auto socket::receive(std::span<char> room) { return receive_operation(s_, room); }
auto socket::send(std::span<const char> data) { return send_operation(s_, data); }
auto socket::accept(socket &into) { return accept_operation(*this, into); }
auto socket::connect(const sockaddr_in &to) { return connect_operation(*this, to); }

task<> socket::send_all(std::span<const char> data)
{
	while (!data.empty())
		data = data.subspan(co_await send(data));
}

} // namespace io

/* ---- The test ---- */

static constexpr int clients = 12, rounds = 15, thread_count = 3;
static std::atomic<int> good, bad, alive, served;
static HANDLE done;

static void leave()
{
	if (--alive == 0)
		SetEvent(done);
}

static io::task<std::size_t> echo(io::socket &s)
{
	std::vector<char> data(2000);
	std::size_t total = 0;

	while (DWORD n = co_await s.receive(data)) {
		co_await s.send_all(std::span(data).first(n));
		total += n;
	}
	co_return total;
}

static io::detached serve(io::socket s)
{
	try {
		served += co_await echo(s) > 0;
	} catch (const std::system_error &e) {
		std::printf("# serving: %s, %d\n", e.what(), e.code().value());
		bad++;
	}
	leave();
}

/* Ends with the exception that closing the listener makes. */
static io::detached accept_all(io::context &c, io::socket &listener)
{
	try {
		for (;;) {
			io::socket s(c);

			co_await listener.accept(s);
			alive++;
			serve(std::move(s));
		}
	} catch (const std::system_error &) {
	}
	leave();
}

static io::task<std::string> ask(io::socket &s, std::string text)
{
	std::string answer(text.size(), '\0');
	std::span<char> room(answer);

	co_await s.send_all(text);
	while (!room.empty()) {
		DWORD n = co_await s.receive(room);

		if (n == 0)
			throw std::runtime_error("the server has ended");
		room = room.subspan(n);
	}
	co_return answer;
}

static io::detached talk(io::context &c, sockaddr_in to, int me)
{
	try {
		io::socket s(c);

		co_await s.connect(to);
		for (int i = 0; i < rounds; i++) {
			std::string text = std::to_string(me) + ":" + std::to_string(i) +
				std::string(static_cast<std::size_t>(i * 500), 'x');

			if (co_await ask(s, text) != text)
				throw std::runtime_error("another answer");
		}
		good++;
	} catch (const std::exception &e) {
		std::printf("# client %d: %s\n", me, e.what());
		bad++;
	}
	leave();
}

/* The exception comes through a task, in the code of the connection that is refused. */
static io::task<bool> is_refused(io::context &c, sockaddr_in to)
{
	io::socket s(c);

	try {
		co_await s.connect(to);
	} catch (const std::system_error &e) {
		co_return e.code().value() == ERROR_CONNECTION_REFUSED;
	}
	co_return false;
}

static io::detached expect_refusal(io::context &c, sockaddr_in to)
{
	(co_await is_refused(c, to) ? good : bad)++;
	leave();
}

static sockaddr_in nobody(io::context &c)
{
	io::socket s(c);

	return s.bind_loopback();
}

static DWORD WINAPI run_context(LPVOID c)
{
	static_cast<io::context *>(c)->run();
	return 0;
}

static int test()
{
	io::context c;
	io::socket listener(c);
	sockaddr_in address = listener.bind_loopback();
	std::vector<HANDLE> threads;

	if (listen(listener.get(), SOMAXCONN))
		io::fail("listen");
	for (int i = 0; i < thread_count; i++)
		threads.push_back(CreateThread(nullptr, 0, run_context, &c, 0, nullptr));
	alive = 1 + clients + 1;
	accept_all(c, listener);
	for (int i = 0; i < clients; i++)
		talk(c, address, i);
	expect_refusal(c, nobody(c));
	for (int i = 0; i < 10000 && (good + bad < clients + 1 || served < clients); i++)
		Sleep(1);
	listener.close();
	bool over = WaitForSingleObject(done, 5000) == WAIT_OBJECT_0;
	c.stop(thread_count);
	for (HANDLE thread : threads) {
		WaitForSingleObject(thread, INFINITE);
		CloseHandle(thread);
	}
	if (over && good == clients + 1 && bad == 0 && served == clients)
		return 0;
	std::printf("# %d good, %d bad, %d served, %d alive\n", good.load(), bad.load(),
		    served.load(), alive.load());
	return 1;
}

int main()
{
	WSADATA data;
	int failed = 1;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	done = CreateEventW(nullptr, TRUE, FALSE, nullptr);
	try {
		failed = test();
	} catch (const std::exception &e) {
		std::printf("# %s\n", e.what());
	}
	CloseHandle(done);
	WSACleanup();
	std::printf("%s 1 coroutines.talk_through_a_port\n1..1\n", failed ? "not ok" : "ok");
	return failed;
}
