// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * An HTTP server on Boost.Beast: each request is answered with its target.
 *
 * Usage: beast_server [PORT [THREADS]]
 */
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

#ifndef BOOST_ASIO_HAS_IOCP
#error "this is not the backend of completion ports"
#endif

namespace beast = boost::beast;
namespace http = beast::http;
namespace net = boost::asio;
using tcp = net::ip::tcp;

class session : public std::enable_shared_from_this<session> {
public:
	explicit session(tcp::socket socket) : stream_(std::move(socket)) {}

	void read()
	{
		auto self = shared_from_this();

		request_ = {};
		stream_.expires_after(std::chrono::seconds(30));
		http::async_read(stream_, buffer_, request_,
				 [self](beast::error_code error, std::size_t) {
					 if (!error)
						 self->answer();
				 });
	}

private:
	void answer()
	{
		auto self = shared_from_this();

		response_ = {http::status::ok, request_.version()};
		response_.set(http::field::content_type, "text/plain");
		response_.keep_alive(request_.keep_alive());
		response_.body() = std::string(request_.target()) + "\n";
		response_.prepare_payload();
		http::async_write(stream_, response_,
				  [self](beast::error_code error, std::size_t) {
					  if (!error && self->response_.keep_alive())
						  self->read();
				  });
	}

	beast::tcp_stream stream_;
	beast::flat_buffer buffer_;
	http::request<http::string_body> request_;
	http::response<http::string_body> response_;
};

/* The time-outs of a connection are in a strand with the rest of it. */
static void accept_next(net::io_context &context, tcp::acceptor &acceptor)
{
	acceptor.async_accept(net::make_strand(context), [&](beast::error_code error,
							     tcp::socket socket) {
		if (error) {
			std::cerr << "accept: " << error << "\n";
			return;
		}
		std::make_shared<session>(std::move(socket))->read();
		accept_next(context, acceptor);
	});
}

int main(int argc, char **argv)
{
	net::io_context context;
	std::vector<std::thread> others;
	tcp::acceptor acceptor(context, {tcp::v4(), static_cast<unsigned short>(
						argc > 1 ? std::atoi(argv[1]) : 0)});

	std::cout << acceptor.local_endpoint().port() << std::endl;
	accept_next(context, acceptor);
	for (int i = argc > 2 ? std::atoi(argv[2]) : 1; i > 1; i--)
		others.emplace_back([&] { context.run(); });
	context.run();
	for (auto &other : others)
		other.join();
	return 0;
}
