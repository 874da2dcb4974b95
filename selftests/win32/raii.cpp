// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sockets, handles and locks in C++ classes that give them back, and errors that are
 * exceptions.
 */
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tap.h"

#define PROGRAM "raii"

namespace win {

class error : public std::runtime_error {
public:
	explicit error(const char *what, DWORD code = ::GetLastError())
		: std::runtime_error(std::string(what) + ": " + text(code)), code_(code) {}
	DWORD code() const noexcept { return code_; }

private:
	static std::string text(DWORD code)
	{
		LPSTR buffer = nullptr;
		DWORD length = ::FormatMessageA(FORMAT_MESSAGE_ALLOCATE_BUFFER |
						FORMAT_MESSAGE_FROM_SYSTEM |
						FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, code,
						MAKELANGID(LANG_NEUTRAL, SUBLANG_DEFAULT),
						reinterpret_cast<LPSTR>(&buffer), 0, nullptr);
		std::string message(buffer ? buffer : "", length);

		::LocalFree(buffer);
		return message;
	}

	DWORD code_;
};

class winsock {
public:
	winsock()
	{
		WSADATA data;
		int result = ::WSAStartup(MAKEWORD(2, 2), &data);

		if (result != 0)
			throw error("WSAStartup", result);
	}
	~winsock() { ::WSACleanup(); }
	winsock(const winsock &) = delete;
	winsock &operator=(const winsock &) = delete;
};

struct handle_closer {
	typedef HANDLE pointer;
	void operator()(HANDLE h) const noexcept { ::CloseHandle(h); }
};
using handle = std::unique_ptr<HANDLE, handle_closer>;

class socket {
public:
	socket(int family, int type, int protocol)
		: s_(::WSASocketW(family, type, protocol, nullptr, 0, WSA_FLAG_OVERLAPPED))
	{
		if (s_ == INVALID_SOCKET)
			throw error("WSASocketW", ::WSAGetLastError());
	}
	explicit socket(SOCKET s) noexcept : s_(s) {}
	socket(socket &&other) noexcept : s_(std::exchange(other.s_, INVALID_SOCKET)) {}
	socket &operator=(socket &&other) noexcept
	{
		std::swap(s_, other.s_);
		return *this;
	}
	~socket()
	{
		if (s_ != INVALID_SOCKET)
			::closesocket(s_);
	}
	SOCKET get() const noexcept { return s_; }

	void bind(const SOCKADDR_IN &address)
	{
		check("bind", ::bind(s_, reinterpret_cast<const sockaddr *>(&address),
				     sizeof(address)));
	}
	SOCKADDR_IN name() const
	{
		SOCKADDR_IN address = {};
		int length = sizeof(address);

		check("getsockname", ::getsockname(s_, reinterpret_cast<sockaddr *>(&address),
						   &length));
		return address;
	}
	void listen() { check("listen", ::listen(s_, SOMAXCONN)); }
	void connect(const SOCKADDR_IN &address)
	{
		check("connect", ::connect(s_, reinterpret_cast<const sockaddr *>(&address),
					   static_cast<int>(sizeof(address))));
	}
	socket accept()
	{
		socket peer(::accept(s_, nullptr, nullptr));

		if (peer.get() == INVALID_SOCKET)
			throw error("accept", ::WSAGetLastError());
		return peer;
	}
	template <typename T> void option(int level, int name, const T &value)
	{
		check("setsockopt", ::setsockopt(s_, level, name,
						 reinterpret_cast<const char *>(&value),
						 sizeof(value)));
	}
	void send(const std::string &text)
	{
		WSABUF buffers[2] = {};
		DWORD sent = 0;
		ULONG half = static_cast<ULONG>(text.size() / 2);

		buffers[0].buf = const_cast<CHAR *>(text.data());
		buffers[0].len = half;
		buffers[1].buf = const_cast<CHAR *>(text.data()) + half;
		buffers[1].len = static_cast<ULONG>(text.size()) - half;
		check("WSASend", ::WSASend(s_, buffers, 2, &sent, 0, nullptr, nullptr));
	}
	std::string receive(std::size_t length)
	{
		std::vector<char> data(length);
		int n = ::recv(s_, data.data(), static_cast<int>(length), MSG_WAITALL);

		check("recv", n);
		return std::string(data.data(), static_cast<std::size_t>(n));
	}

private:
	static void check(const char *what, int result)
	{
		if (result == SOCKET_ERROR)
			throw error(what, ::WSAGetLastError());
	}

	SOCKET s_;
};

class critical_section {
public:
	critical_section() { ::InitializeCriticalSection(&cs_); }
	~critical_section() { ::DeleteCriticalSection(&cs_); }
	void lock() { ::EnterCriticalSection(&cs_); }
	void unlock() { ::LeaveCriticalSection(&cs_); }

private:
	CRITICAL_SECTION cs_;
};

class thread {
public:
	template <typename F> explicit thread(F f)
	{
		auto start = std::make_unique<F>(std::move(f));

		h_.reset(::CreateThread(nullptr, 0, &run<F>, start.get(), 0, nullptr));
		if (!h_)
			throw error("CreateThread");
		start.release();
	}
	~thread() { ::WaitForSingleObject(h_.get(), INFINITE); }

private:
	template <typename F> static DWORD WINAPI run(LPVOID f)
	{
		std::unique_ptr<F> function(static_cast<F *>(f));

		(*function)();
		return 0;
	}

	handle h_;
};

} // namespace win

static_assert(!std::is_copy_constructible<win::socket>::value, "a socket has one owner");
static_assert(std::is_nothrow_move_constructible<win::socket>::value, "and may change it");
static_assert(sizeof(win::socket) == sizeof(SOCKET), "at no cost");

static SOCKADDR_IN loopback()
{
	SOCKADDR_IN address = {};

	address.sin_family = AF_INET;
	address.sin_addr.S_un.S_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static void sockets_talk()
{
	win::socket listener(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	const std::string greeting = "Hello from the other thread";
	std::string received;

	listener.option(SOL_SOCKET, SO_EXCLUSIVEADDRUSE, BOOL(TRUE));
	listener.bind(loopback());
	listener.listen();
	{
		win::thread client([&] {
			win::socket s(AF_INET, SOCK_STREAM, IPPROTO_TCP);

			s.option(IPPROTO_TCP, TCP_NODELAY, BOOL(TRUE));
			s.connect(listener.name());
			s.send(greeting);
		});
		win::socket peer = listener.accept();

		received = peer.receive(greeting.size());
		EXPECT(peer.receive(1).empty());
	}
	EXPECT(received == greeting);
}

static void socket_is_closed_with_its_owner()
{
	SOCKET s;
	int type, length = sizeof(type);

	{
		win::socket first(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
		win::socket second(std::move(first));

		EXPECT_EQ(INVALID_SOCKET, first.get());
		s = second.get();
		EXPECT_EQ(0, getsockopt(s, SOL_SOCKET, SO_TYPE, reinterpret_cast<char *>(&type),
					&length));
		EXPECT_EQ(SOCK_DGRAM, type);
	}
	EXPECT_EQ(SOCKET_ERROR, getsockopt(s, SOL_SOCKET, SO_TYPE,
					   reinterpret_cast<char *>(&type), &length));
	EXPECT_EQ(WSAENOTSOCK, WSAGetLastError());
}

static void errors_are_exceptions()
{
	win::socket listener(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	DWORD code = 0;
	bool said = false;

	listener.bind(loopback());
	listener.listen();
	try {
		win::socket second(AF_INET, SOCK_STREAM, IPPROTO_TCP);

		second.bind(listener.name());
	} catch (const win::error &e) {
		code = e.code();
		said = std::string(e.what()).size() > std::string("bind: ").size();
	}
	EXPECT_EQ(WSAEADDRINUSE, code);
	EXPECT(said);
}

static void handles_are_unique_pointers()
{
	win::handle port(::CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1));
	DWORD bytes = 0;
	ULONG_PTR key = 0;
	OVERLAPPED *overlapped = nullptr;
	int object = 7;

	ASSERT(port != nullptr);
	EXPECT(::PostQueuedCompletionStatus(port.get(), 3, reinterpret_cast<ULONG_PTR>(&object),
					    nullptr));
	EXPECT(::GetQueuedCompletionStatus(port.get(), &bytes, &key, &overlapped, 0));
	EXPECT_EQ(3, bytes);
	EXPECT_EQ(7, *reinterpret_cast<int *>(key));
}

static void locks_have_a_guard()
{
	win::critical_section lock;
	int count = 0;
	{
		std::vector<std::unique_ptr<win::thread>> threads;

		for (int i = 0; i < 4; i++)
			threads.push_back(std::make_unique<win::thread>([&] {
				for (int j = 0; j < 10000; j++) {
					lock.lock();
					count = std::max(count + 1, 0);
					lock.unlock();
				}
			}));
	}
	EXPECT_EQ(40000, count);
}

int main()
{
	try {
		win::winsock session;

		RUN(sockets_talk);
		RUN(socket_is_closed_with_its_owner);
		RUN(errors_are_exceptions);
		RUN(handles_are_unique_pointers);
		RUN(locks_have_a_guard);
	} catch (const std::exception &e) {
		std::printf("# %s\n", e.what());
		return 2;
	}
	return tap_end();
}
