// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What programs on asio lean on, with its completion-port backend: connections that time out,
 * cancelling and closing with operations under way, several threads, and many connections.
 *
 * Usage: sockets [CONNECTIONS]		(default: 10000, for which it needs 21000 descriptors)
 *
 * PATIENCE in the environment multiplies how long what must come is waited for.
 */
#include <asio.hpp>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <iostream>
#include <list>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#ifndef ASIO_HAS_IOCP
#error "this is not the backend of completion ports"
#endif

using asio::ip::tcp;
using asio::ip::udp;
using std::chrono::milliseconds;

static bool failed;

/* What is so, and what was seen where it is not. */
static void check(const std::string &name, const std::string &trouble)
{
	if (!trouble.empty()) {
		std::cout << "# " << trouble << "\n";
		failed = true;
	}
	std::cout << (trouble.empty() ? "ok - " : "not ok - ") << name << std::endl;
}

/* How long is waited for what must come. */
static std::chrono::seconds comes()
{
	const char *patience = std::getenv("PATIENCE");

	return std::chrono::seconds(10) * (patience ? std::atoi(patience) : 1);
}

/* Runs until nothing is under way.  Returns what is wrong, if something still is. */
static std::string run(asio::io_context &context)
{
	context.run_for(comes());
	return context.stopped() ? "" : "operations that do not end\n# ";
}

static std::string unless(bool good, const std::string &trouble)
{
	return good ? "" : trouble;
}

static std::string unless(const std::error_code &error, const std::error_code &expected)
{
	return error == expected ? "" : "says \"" + error.message() + "\"; ";
}

static tcp::endpoint loopback(unsigned short port = 0)
{
	return {asio::ip::address_v4::loopback(), port};
}

/* A connection of both ends. */
static void connect_pair(asio::io_context &context, tcp::socket &one, tcp::socket &other)
{
	tcp::acceptor acceptor(context, loopback());

	one.connect(acceptor.local_endpoint());
	acceptor.accept(other);
}

/* ---------------------------------------------------------------- one operation */

/* Nobody answers: the listener's backlog is full. */
static void connecting_times_out()
{
	asio::io_context context;
	tcp::acceptor acceptor(context);
	std::vector<tcp::socket> waiting;
	std::vector<std::error_code> errors;
	asio::steady_timer timer(context);
	tcp::socket socket(context);
	bool expired = false;
	std::string trouble;

	acceptor.open(tcp::v4());
	acceptor.bind(loopback());
	acceptor.listen(1);
	for (int i = 0; i < 2; i++) {
		waiting.emplace_back(context);
		waiting.back().connect(acceptor.local_endpoint());
	}
	socket.async_connect(acceptor.local_endpoint(), [&](std::error_code error) {
		errors.push_back(error);
		timer.cancel();
	});
	timer.expires_after(milliseconds(200));
	timer.async_wait([&](std::error_code error) {
		expired = !error;
		if (expired)
			socket.cancel();
	});
	trouble = run(context);
	trouble += unless(expired, "connected; ");
	trouble += unless(errors.size() == 1,
			  "called " + std::to_string(errors.size()) + " times; ");
	for (auto error : errors)
		trouble += unless(error, asio::error::operation_aborted);
	check("what connects in vain is cancelled by a timer", trouble);
}

static void connecting_is_refused()
{
	asio::io_context context;
	tcp::socket socket(context);
	std::error_code said;
	tcp::endpoint nobody;
	std::string trouble;

	nobody = tcp::acceptor(context, loopback()).local_endpoint();
	socket.async_connect(nobody, [&](std::error_code error) { said = error; });
	trouble = run(context);
	trouble += unless(said, asio::error::connection_refused);
	check("a connection is refused", trouble);
}

/* What was under way when a socket was closed, or cancelled. */
struct pending {
	explicit pending(asio::io_context &context)
	    : one(context), other(context),
	      datagrams(context, udp::endpoint(loopback().address(), 0)),
	      acceptor(context, loopback()), accepted(context)
	{
		connect_pair(context, one, other);
	}

	void begin()
	{
		one.async_read_some(asio::buffer(data), handler());
		one.async_wait(tcp::socket::wait_read,
			       [this](std::error_code error) { note(error); });
		datagrams.async_receive_from(asio::buffer(more), from, handler());
		acceptor.async_accept(accepted, [this](std::error_code error) { note(error); });
	}

	/* A connection that is closed says so in Windows' own words. */
	std::string trouble() const
	{
		std::error_code closed(ERROR_CONNECTION_ABORTED, asio::system_category());
		std::string said;

		said = unless(errors.size() == 4,
			      std::to_string(errors.size()) + " of 4 ended; ");
		for (auto error : errors)
			if (one.is_open() || error != closed)
				said += unless(error, asio::error::operation_aborted);
		return said;
	}

	tcp::socket one, other;
	udp::socket datagrams;
	tcp::acceptor acceptor;
	tcp::socket accepted;
	std::vector<std::error_code> errors;

      private:
	void note(std::error_code error)
	{
		errors.push_back(error);
	}

	std::function<void(std::error_code, std::size_t)> handler()
	{
		return [this](std::error_code error, std::size_t) { note(error); };
	}

	char data[64], more[64];
	udp::endpoint from;
};

static void closing_ends_what_is_under_way()
{
	asio::io_context context;
	std::deque<pending> all;
	std::string trouble;

	for (int i = 0; i < 50; i++) {
		all.emplace_back(context);
		all.back().begin();
	}
	asio::post(context, [&] {
		for (auto &each : all) {
			each.one.close();
			each.datagrams.close();
			each.acceptor.close();
		}
	});
	trouble = run(context);
	for (auto &each : all)
		trouble += each.trouble();
	check("closing ends each operation once", trouble);
}

static void cancelling_leaves_the_sockets_in_use()
{
	asio::io_context context;
	pending all(context);
	std::string trouble, got(64, 0);
	std::size_t size = 0;
	tcp::socket late(context);
	bool accepted = false;

	all.begin();
	asio::post(context, [&] {
		all.one.cancel();
		all.datagrams.cancel();
		all.acceptor.cancel();
	});
	trouble = run(context);
	trouble += all.trouble();

	context.restart();
	all.one.async_read_some(asio::buffer(got),
				[&](std::error_code, std::size_t n) { size = n; });
	all.acceptor.async_accept(all.accepted,
				  [&](std::error_code error) { accepted = !error; });
	asio::post(context, [&] {
		asio::write(all.other, asio::buffer("late", 4));
		late.connect(all.acceptor.local_endpoint());
	});
	trouble += run(context);
	trouble += unless(got.substr(0, size) == "late", "received something else; ");
	trouble += unless(accepted, "accepted nothing; ");
	check("what was cancelled can be begun again", trouble);
}

/* A read that has a time-out, as servers have them: each time is another race. */
static void timers_race_with_data()
{
	asio::io_context context;
	tcp::socket one(context), other(context);
	asio::steady_timer reading(context), writing(context);
	int left = 300, ended = 0, received = 0, sent = 0;
	char in[1], out[1] = {'x'};
	std::string trouble;
	std::function<void()> again;

	connect_pair(context, one, other);
	again = [&] {
		reading.expires_after(milliseconds(left % 3));
		reading.async_wait([&](std::error_code error) {
			if (!error)
				one.cancel();
		});
		writing.expires_after(milliseconds(1));
		one.async_read_some(
			asio::buffer(in), [&](std::error_code error, std::size_t n) {
				ended++;
				received += static_cast<int>(n);
				if (error && error != asio::error::operation_aborted)
					trouble += unless(error, {});
				reading.cancel();
				if (--left)
					again();
				else
					other.close();
			});
		writing.async_wait([&](std::error_code error) {
			if (!error && other.is_open())
				sent += static_cast<int>(other.write_some(asio::buffer(out)));
		});
	};
	again();
	trouble += run(context);
	for (std::error_code error; !error;)
		received += static_cast<int>(one.read_some(asio::buffer(in), error));
	trouble += unless(ended == 300, std::to_string(ended) + " of 300 reads ended; ");
	trouble += unless(received == sent, std::to_string(received) + " bytes received of " +
						    std::to_string(sent) + "; ");
	check("reads that a timer cancels lose nothing", trouble);
}

/* A context that goes takes with it what is under way. */
static void a_context_goes()
{
	auto owned = std::make_shared<int>(0);

	for (int i = 0; i < 20; i++) {
		asio::io_context context;
		pending all(context);
		asio::steady_timer timer(context, comes());

		all.begin();
		all.other.async_read_some(asio::null_buffers(),
					  [owned](std::error_code, std::size_t) {});
		timer.async_wait([owned](std::error_code) {});
		context.run_one_for(milliseconds(i % 3));
	}
	check("a context goes with what is under way",
	      unless(owned.use_count() == 1, "handlers are left"));
}

/* -------------------------------------------------------------- several threads */

/* Sends back what comes, in pieces of any size. */
class echo : public std::enable_shared_from_this<echo>
{
      public:
	explicit echo(tcp::socket socket) : socket_(std::move(socket)), data_(20000, 0)
	{
	}

	void read()
	{
		auto self = shared_from_this();

		socket_.async_read_some(asio::buffer(data_),
					[self](std::error_code error, std::size_t n) {
						if (!error)
							self->write(n);
					});
	}

      private:
	void write(std::size_t size)
	{
		auto self = shared_from_this();

		asio::async_write(socket_, asio::buffer(data_, size),
				  [self](std::error_code error, std::size_t) {
					  if (!error)
						  self->read();
				  });
	}

	tcp::socket socket_;
	std::string data_;
};

/* Sends and receives at the same time; what comes back is what went. */
class talker : public std::enable_shared_from_this<talker>
{
      public:
	talker(asio::io_context &context, unsigned int seed, std::atomic<int> &good)
	    : socket_(context), good_(good), in_(200000, 0), out_(200000, 0)
	{
		std::minstd_rand random(seed);

		for (auto &each : out_)
			each = static_cast<char>(random());
	}

	void connect(const tcp::endpoint &to)
	{
		auto self = shared_from_this();

		socket_.async_connect(to, [self](std::error_code error) {
			if (!error) {
				self->write();
				self->read();
			}
		});
	}

      private:
	void write()
	{
		auto self = shared_from_this();

		asio::async_write(socket_, asio::buffer(out_),
				  [self](std::error_code, std::size_t) {});
	}

	void read()
	{
		auto self = shared_from_this();

		asio::async_read(socket_, asio::buffer(in_),
				 [self](std::error_code error, std::size_t) {
					 if (!error && self->in_ == self->out_)
						 self->good_++;
				 });
	}

	tcp::socket socket_;
	std::atomic<int> &good_;
	std::string in_, out_;
};

static void threads_share_a_context()
{
	const int talkers = 64, threads = 4;
	asio::io_context context;
	tcp::acceptor acceptor(context, loopback());
	std::atomic<int> good{0};
	std::vector<std::thread> others;
	std::string trouble;

	for (int i = 0; i < talkers; i++) {
		acceptor.async_accept([](std::error_code error, tcp::socket socket) {
			if (!error)
				std::make_shared<echo>(std::move(socket))->read();
		});
		std::make_shared<talker>(context, i + 1, good)
			->connect(acceptor.local_endpoint());
	}
	for (int i = 1; i < threads; i++)
		others.emplace_back([&] { context.run_for(comes()); });
	trouble = run(context);
	for (auto &other : others)
		other.join();
	trouble += unless(good == talkers, std::to_string(good) + " of " +
						   std::to_string(talkers) +
						   " streams came back as they went");
	check("4 threads of a context serve 64 connections", trouble);
}

/* -------------------------------------------------------------- many connections */

/* A server with 32 accepts under way; each connection is told the number that it sends. */
class crowd
{
      public:
	explicit crowd(asio::io_context &context) : acceptor_(context)
	{
		acceptor_.open(tcp::v4());
		acceptor_.bind(loopback());
		acceptor_.listen(1024);
		for (int i = 0; i < 32; i++)
			accept();
	}

	tcp::endpoint endpoint() const
	{
		return acceptor_.local_endpoint();
	}
	void close()
	{
		acceptor_.close();
	}

	int accepted = 0, ended = 0;
	std::string trouble;

      private:
	struct visitor {
		explicit visitor(tcp::socket from) : socket(std::move(from))
		{
		}

		tcp::socket socket;
		std::uint32_t number = 0;
	};

	void accept()
	{
		acceptor_.async_accept([this](std::error_code error, tcp::socket socket) {
			if (error == asio::error::operation_aborted)
				return;
			if (error) {
				trouble = "accept: " + error.message();
				return;
			}
			accepted++;
			read(std::make_shared<visitor>(std::move(socket)));
			accept();
		});
	}

	void read(std::shared_ptr<visitor> who)
	{
		asio::async_read(who->socket, asio::buffer(&who->number, sizeof(who->number)),
				 [this, who](std::error_code error, std::size_t) {
					 if (error)
						 ended++;
					 else
						 answer(who);
				 });
	}

	void answer(std::shared_ptr<visitor> who)
	{
		asio::async_write(who->socket, asio::buffer(&who->number, sizeof(who->number)),
				  [this, who](std::error_code error, std::size_t) {
					  if (!error)
						  read(who);
				  });
	}

	tcp::acceptor acceptor_;
};

/* Connects, so many at a time; all connections stay until the last one has been answered. */
class visitors
{
      public:
	visitors(asio::io_context &context, tcp::endpoint to, int count)
	    : context_(context), to_(to), count_(count)
	{
		for (int i = 0; i < 100 && i < count; i++)
			connect();
	}

	int answered = 0;
	std::string trouble;

      private:
	struct visitor {
		explicit visitor(asio::io_context &context) : socket(context)
		{
		}

		tcp::socket socket;
		std::uint32_t number = 0, answer = 0;
	};

	void connect()
	{
		all_.emplace_back(context_);
		visitor &who = all_.back();

		who.number = static_cast<std::uint32_t>(all_.size());
		who.socket.async_connect(to_, [this, &who](std::error_code error) {
			if (error)
				fail("connect", error);
			else
				ask(who);
		});
	}

	void ask(visitor &who)
	{
		asio::async_write(who.socket, asio::buffer(&who.number, sizeof(who.number)),
				  [this](std::error_code error, std::size_t) {
					  if (error)
						  fail("write", error);
				  });
		asio::async_read(who.socket, asio::buffer(&who.answer, sizeof(who.answer)),
				 [this, &who](std::error_code error, std::size_t) {
					 if (error)
						 fail("read", error);
					 else if (who.answer != who.number)
						 trouble = "another connection's answer";
					 else
						 done();
				 });
	}

	void done()
	{
		if (static_cast<int>(all_.size()) < count_)
			connect();
		if (++answered == count_)
			all_.clear();
	}

	void fail(const std::string &what, std::error_code error)
	{
		trouble = what + ": " + error.message();
	}

	asio::io_context &context_;
	tcp::endpoint to_;
	int count_;
	std::list<visitor> all_;
};

static void many_connect(int count)
{
	asio::io_context context, others;
	crowd server(context);
	visitors clients(others, server.endpoint(), count);
	std::string trouble;
	std::thread thread([&] {
		others.run_for(3 * comes());
		asio::post(context, [&] { server.close(); });
	});

	context.run_for(4 * comes());
	thread.join();
	trouble = server.trouble + clients.trouble;
	trouble += unless(clients.answered == count,
			  std::to_string(clients.answered) + " answered; ");
	trouble += unless(server.accepted == count,
			  std::to_string(server.accepted) + " accepted; ");
	trouble += unless(server.ended == count, std::to_string(server.ended) + " ends seen; ");
	check(std::to_string(count) + " connections come through 32 accepts", trouble);
}

int main(int argc, char **argv)
{
	try {
		connecting_times_out();
		connecting_is_refused();
		closing_ends_what_is_under_way();
		cancelling_leaves_the_sockets_in_use();
		timers_race_with_data();
		a_context_goes();
		threads_share_a_context();
		many_connect(argc > 1 ? std::atoi(argv[1]) : 10000);
	} catch (const std::exception &error) {
		check("nothing is thrown", error.what());
	}
	return failed;
}
